// semaphore.h: a number of permits.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {
namespace detail {

// counting_semaphore without its maximum.
class semaphore {
 public:
  constexpr explicit semaphore(std::ptrdiff_t permits) noexcept
      : word_(static_cast<std::uint64_t>(permits) * 2) {}
  ~semaphore();
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  void release(std::ptrdiff_t update, std::ptrdiff_t most) noexcept;
  [[nodiscard]] bool try_acquire() noexcept;
  void acquire() noexcept;
  [[nodiscard]] bool try_acquire_until(deadline until) noexcept;
  [[nodiscard]] result<void> acquire_or_stop() noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;
  bool take_one() noexcept;
  bool take_or_announce() noexcept;
  bool put_where_nobody_waits(std::uint64_t permits, std::uint64_t most) noexcept;
  bool hand_over(std::uint64_t permits, std::uint64_t most) noexcept;
  void note_departure() noexcept;
  int acquire_as(const asked& how) noexcept;

  // Twice the permits, plus one while somebody waits: then there are none.
  std::atomic<std::uint64_t> word_;
  alignas(8) std::byte memory_[24]{};
};

[[noreturn]] void refuse_permits();

}  // namespace detail

// std::counting_semaphore, for fibers too. Permits go to those who wait in the order in which they
// came, past nobody, so nobody starves. Destroying one while somebody waits is reported in debug
// builds.
template <std::ptrdiff_t LeastMaxValue = std::numeric_limits<std::ptrdiff_t>::max() / 4>
class counting_semaphore {
  static_assert(LeastMaxValue >= 0 &&
                LeastMaxValue <= std::numeric_limits<std::ptrdiff_t>::max() / 4);

 public:
  // Errors: std::invalid_argument unless 0 <= desired <= max().
  constexpr explicit counting_semaphore(std::ptrdiff_t desired) : permits_(checked(desired)) {}

  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return LeastMaxValue; }

  // Gives `update` permits back, or into being.
  //
  //   Blocks   never.
  //   Errors   a negative number, or more than max() permits, end the program.
  //   Threads  any.
  void release(std::ptrdiff_t update = 1) noexcept { permits_.release(update, max()); }

  // Takes a permit, waiting for one.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any.
  void acquire() noexcept { permits_.acquire(); }

  // Returns  true if there was a permit, which is taken. Never blocks.
  [[nodiscard]] bool try_acquire() noexcept { return permits_.try_acquire(); }

  // As acquire(), until `until` at the latest; one that is there is taken also when that has
  // passed.
  //
  //   Returns  true if a permit is taken.
  //   Units    the steady clock.
  [[nodiscard]] bool try_acquire_until(deadline until) noexcept {
    return permits_.try_acquire_until(until);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return try_acquire() || try_acquire_until(deadline::in(delay));
  }

  // As acquire(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: a permit is taken.
  //   Errors   errc::operation_canceled; none is taken. A request that comes together with the
  //            permit loses: the call succeeds.
  [[nodiscard]] result<void> acquire_or_stop() noexcept { return permits_.acquire_or_stop(); }

 private:
  static constexpr std::ptrdiff_t checked(std::ptrdiff_t desired) {
    if (desired < 0 || desired > max()) detail::refuse_permits();
    return desired;
  }

  detail::semaphore permits_;
};

using binary_semaphore = counting_semaphore<1>;

}  // namespace sluice
