// condition_variable.h: waiting for something that a mutex guards.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/fiber.h"
#include "sluice/sync/mutex.h"

namespace sluice {

// Waiting for something that a mutex guards, as std::condition_variable does. Waits may end without
// a reason, so a loop, or one of the forms with a predicate, looks again.
//
// Destroying one while somebody waits is reported in debug builds.
class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  ~condition_variable();
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  // Wakes one waiter, the one that has waited longest; or all that wait now.
  //
  //   Blocks   never.
  //   Threads  any, with or without the mutex; hold it if a waiter may destroy this object.
  void notify_one() noexcept;
  void notify_all() noexcept;

  // Unlocks, waits for a notification, and locks again.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any; `lock` holds its mutex.
  void wait(std::unique_lock<mutex>& lock) noexcept;
  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate satisfied) {
    while (!satisfied()) wait(lock);
  }

  // As wait(), until `until` at the latest; a deadline in the past waits for nobody.
  //
  //   Returns  timeout if the deadline ended the wait; with a predicate, its last answer.
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any; `lock` holds its mutex, also after a timeout.
  //   Units    the steady clock.
  std::cv_status wait_until(std::unique_lock<mutex>& lock, deadline until) noexcept;
  template <class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, deadline until, Predicate satisfied) {
    while (!satisfied()) {
      if (wait_until(lock, until) == std::cv_status::timeout) return satisfied();
    }
    return true;
  }
  template <class Rep, class Period>
  std::cv_status wait_for(std::unique_lock<mutex>& lock,
                          std::chrono::duration<Rep, Period> delay) noexcept {
    return wait_until(lock, deadline::in(delay));
  }
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> delay,
                Predicate satisfied) {
    return wait_until(lock, deadline::in(delay), std::move(satisfied));
  }

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: notified; with a predicate, it holds.
  //   Blocks   the calling fiber or plain thread, and for the mutex in every case.
  //   Errors   errc::operation_canceled; `lock` holds its mutex. A notification that came first is
  //            not lost: the call succeeds.
  //   Threads  any; `lock` holds its mutex.
  [[nodiscard]] result<void> wait_or_stop(std::unique_lock<mutex>& lock) noexcept;
  template <class Predicate>
  [[nodiscard]] result<void> wait_or_stop(std::unique_lock<mutex>& lock, Predicate satisfied) {
    // Looked at first, so that a loop whose predicate always holds ends too.
    if (this_fiber::stop_requested()) return std::unexpected(error(errc::operation_canceled));
    while (!satisfied()) {
      if (auto waited = wait_or_stop(lock); !waited) return waited;
    }
    return {};
  }

 private:
  struct internals;
  struct request;
  internals& inside() noexcept;
  int wait_once(std::unique_lock<mutex>& lock, const request& wanted) noexcept;

  alignas(8) std::byte memory_[24]{};
};

}  // namespace sluice
