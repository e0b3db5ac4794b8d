// deadline.h: time is monotonic and deadlines are absolute. A deadline in the past is a deadline;
// "no deadline" is a value of its own, never zero.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace sluice {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;

class deadline {
 public:
  // No deadline: wait for as long as it takes.
  constexpr deadline() noexcept = default;
  constexpr deadline(time_point when) noexcept : when_(when) {}

  [[nodiscard]] static constexpr deadline none() noexcept { return {}; }

  // `delay` from now; saturates to none when that lies beyond the clock's end.
  template <class Rep, class Period>
  [[nodiscard]] static deadline in(std::chrono::duration<Rep, Period> delay) noexcept {
    return in_nanoseconds(std::chrono::duration<double>(delay) >
                                  std::chrono::duration<double>(max_delay)
                              ? max_delay
                              : std::chrono::ceil<std::chrono::nanoseconds>(delay));
  }

  [[nodiscard]] constexpr bool is_none() const noexcept { return when_ == time_point::max(); }
  [[nodiscard]] constexpr time_point when() const noexcept { return when_; }

  friend constexpr auto operator<=>(const deadline&, const deadline&) noexcept = default;

 private:
  // Ten years: longer than any program waits, shorter than any overflow.
  static constexpr std::chrono::nanoseconds max_delay = std::chrono::hours(24 * 3650);

  static deadline in_nanoseconds(std::chrono::nanoseconds delay) noexcept {
    if (delay >= max_delay) return none();
    return time_point(std::chrono::steady_clock::now() +
                      std::chrono::duration_cast<duration>(delay));
  }

  time_point when_ = time_point::max();
};

}  // namespace sluice
