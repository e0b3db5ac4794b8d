// wait_group.h: waiting until a number of things are done.
#pragma once

#include <chrono>
#include <cstddef>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/sync/countdown.h"

namespace sluice {

// Waiting until a number of things are done. add() before each starts, done() at its end.
//
// The one who waits may destroy it as soon as a wait has succeeded, if nobody else waits;
// destroying it while somebody waits is reported in debug builds.
class wait_group {
 public:
  constexpr wait_group() noexcept = default;
  ~wait_group();
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  // Adds to the number of things that are not done. To be called before a wait() that shall cover
  // them.
  //
  //   Blocks   never.
  //   Errors   std::logic_error  more than 2^31 - 1; nothing was added.
  //   Threads  any.
  void add(std::size_t count = 1);

  // Takes one away; the last one wakes everybody who waits.
  //
  //   Blocks   never.
  //   Errors   a done() without its add() ends the program.
  //   Threads  any.
  void done() noexcept;

  // Waits until nothing is left to be done; what was done is visible afterwards.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any number.
  void wait() noexcept { left_.wait(); }

  // As wait(), until `until` at the latest.
  //
  //   Returns  true if all is done.
  //   Units    the steady clock.
  [[nodiscard]] bool wait_until(deadline until) noexcept { return left_.wait_until(until); }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return wait_until(deadline::in(delay));
  }

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: all is done.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::operation_canceled  something may still go on.
  //   Threads  any number.
  [[nodiscard]] result<void> wait_or_stop() noexcept { return left_.wait_or_stop(); }

 private:
  detail::countdown left_{0};
};

}  // namespace sluice
