// latch.h: a gate that opens once, when a number of arrivals has come.
#pragma once

#include <chrono>
#include <cstddef>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/sync/countdown.h"

namespace sluice {

// std::latch, for fibers too. Who has come back from a wait that succeeded may destroy it, if
// nobody else waits or arrives any more; destroying it while somebody waits is reported in debug
// builds.
class latch {
 public:
  // Errors: std::invalid_argument unless 0 <= expected <= max().
  constexpr explicit latch(std::ptrdiff_t expected) : left_(checked(expected)) {}
  ~latch();
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept {
    return std::ptrdiff_t{detail::countdown::most};
  }

  // Counts `count` arrivals; the last one opens the gate and wakes everybody who waits.
  //
  //   Blocks   never.
  //   Errors   more arrivals than are expected, or a negative number, end the program.
  //   Threads  any.
  void count_down(std::ptrdiff_t count = 1) noexcept;

  // Returns  true if the gate is open. Never blocks.
  [[nodiscard]] bool try_wait() const noexcept { return left_.is_zero(); }

  // Waits until the gate is open; what was done before the arrivals is visible afterwards.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any number.
  void wait() noexcept { left_.wait(); }
  void arrive_and_wait(std::ptrdiff_t count = 1) noexcept {
    count_down(count);
    wait();
  }

  // As wait(), until `until` at the latest.
  //
  //   Returns  true if the gate is open.
  //   Units    the steady clock.
  [[nodiscard]] bool wait_until(deadline until) noexcept { return left_.wait_until(until); }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return wait_until(deadline::in(delay));
  }

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: the gate is open.
  //   Errors   errc::operation_canceled; an arrival stays counted.
  [[nodiscard]] result<void> wait_or_stop() noexcept { return left_.wait_or_stop(); }
  [[nodiscard]] result<void> arrive_and_wait_or_stop(std::ptrdiff_t count = 1) noexcept {
    count_down(count);
    return wait_or_stop();
  }

 private:
  static constexpr std::size_t checked(std::ptrdiff_t expected) {
    if (expected < 0 || expected > max()) refuse();
    return static_cast<std::size_t>(expected);
  }
  [[noreturn]] static void refuse();

  detail::countdown left_;
};

}  // namespace sluice
