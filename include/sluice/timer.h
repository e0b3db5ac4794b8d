// timer.h: times to wait for that can be moved and taken back, alone or in a select.
//
//   ticker heartbeat(1s);
//   for (;;) {
//     switch (select(jobs.receiving(job), heartbeat.ticking()).value()) { ... }
//   }
//
// A tick is taken by one of those who wait for it; none is there before its time, nor after a
// stop() or reset() that came before it was taken. Waiting takes no fiber, no thread and no memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/select.h"

namespace sluice {
namespace detail {

struct pending_call;

class timer_core {
 public:
  timer_core(deadline first, std::chrono::nanoseconds period) noexcept;
  ~timer_core();
  timer_core(const timer_core&) = delete;
  timer_core& operator=(const timer_core&) = delete;

  // Returns whether a tick was outstanding.
  bool set(deadline first, std::chrono::nanoseconds period) noexcept;

  // For select.
  [[nodiscard]] bool take() noexcept;
  [[nodiscard]] deadline next() noexcept;
  // False: it is not the time that was expected.
  bool enter(pending_call& call, deadline expected) noexcept;
  void leave(pending_call& call) noexcept;

 private:
  struct internals;
  internals& inside() noexcept;
  alignas(8) std::byte memory_[40]{};
};

[[nodiscard]] std::chrono::nanoseconds checked_period(std::chrono::nanoseconds period);

}  // namespace detail

// One tick at a time.
//
// Destroying it while somebody waits for it is reported in debug builds.
class timer {
 public:
  // Without a time: there is no tick before a reset().
  timer() noexcept : timer(deadline::none()) {}
  explicit timer(deadline when) noexcept : core_(when, {}) {}
  template <class Rep, class Period>
  explicit timer(std::chrono::duration<Rep, Period> delay) noexcept : timer(deadline::in(delay)) {}

  // Waits for the tick, and takes it.
  //
  //   Returns  nothing: it is the time.
  //   Blocks   the calling fiber or plain thread; for ever, if there is no time.
  //   Errors   errc::operation_canceled, errc::deadline_exceeded: the fiber was asked to stop, or
  //            its scope's time is up. No tick was taken.
  //   Threads  any number.
  result<void> wait() noexcept { return detail::wait_for_case(ticking()); }

  // The case of a select() that waits for the tick, and may run `then`.
  template <class Then = detail::nothing_then>
  [[nodiscard]] detail::plain_case<Then> ticking(Then&& then = {}) noexcept {
    return {core_, std::forward<Then>(then)};
  }

  // Takes the time back: there is no tick before a reset().
  //
  //   Returns  true if a tick was outstanding, which nobody gets any more.
  //   Blocks   never.
  //   Threads  any.
  bool stop() noexcept { return core_.set(deadline::none(), {}); }

  // Sets another time; whoever waits, waits for that one. The same returns as stop().
  // Units: the steady clock. A time that has passed: the tick is there at once.
  bool reset(deadline when) noexcept { return core_.set(when, {}); }
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> delay) noexcept {
    return reset(deadline::in(delay));
  }

 private:
  detail::timer_core core_;
};

// A tick in every period, the first one after one period. Those that nobody has taken by the time
// of the next are dropped; the others keep their times.
//
// Destroying it while somebody waits for it is reported in debug builds.
class ticker {
 public:
  // Errors: std::logic_error if the period is not positive.
  explicit ticker(std::chrono::nanoseconds period)
      : core_(deadline::in(detail::checked_period(period)), period) {}

  // As of timer.
  result<void> wait() noexcept { return detail::wait_for_case(ticking()); }
  template <class Then = detail::nothing_then>
  [[nodiscard]] detail::plain_case<Then> ticking(Then&& then = {}) noexcept {
    return {core_, std::forward<Then>(then)};
  }
  bool stop() noexcept { return core_.set(deadline::none(), {}); }

  // Begins anew, with this period. Errors: as the constructor's; nothing was changed.
  bool reset(std::chrono::nanoseconds period) {
    return core_.set(deadline::in(detail::checked_period(period)), period);
  }

 private:
  detail::timer_core core_;
};

}  // namespace sluice
