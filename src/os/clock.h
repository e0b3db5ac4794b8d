// clock.h: the one clock that deadlines are measured on.
#pragma once

#include <cstdint>

namespace sluice::os {

// Monotonic, never set back, with the epoch of std::chrono::steady_clock, so that a deadline
// converts without an offset. It stands still while the machine sleeps, but for macOS, where it
// goes on.
//
//   Units  nanoseconds.
[[nodiscard]] std::int64_t monotonic_now() noexcept;

// The same clock as it stood at the kernel's last tick (up to 10 ms ago): for "about how long",
// never for a deadline. Never later than monotonic_now().
[[nodiscard]] std::int64_t monotonic_now_coarse() noexcept;

// Whether it is `when`, or later. The coarse clock is behind by less than the step, so most times
// need no look at the other.
[[nodiscard]] inline bool has_passed(std::int64_t when) noexcept {
  constexpr std::int64_t step = 20'000'000;
  if (when - step > monotonic_now_coarse()) return false;
  return when <= monotonic_now();
}

}  // namespace sluice::os
