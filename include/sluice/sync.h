// sync.h: mutex, condition_variable and wait_group for fibers and plain threads in any mixture. A
// fiber that waits is parked and its thread runs another; a plain thread that waits blocks.
//
// Functions with the standard's names have the standard's manners: a request to stop does not cut
// them short. Each has a twin that it does cut short, whose name ends in _or_stop and which returns
// a result.
//
// Rejected: a template over the standard's primitives (std::mutex blocks the worker, and with it
// every fiber of its processor), and one object that is mutex and condition at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/fiber.h"

namespace sluice {

// Mutual exclusion; Lockable, so std::lock_guard, unique_lock and scoped_lock work with it. Not
// recursive. Whoever locked it unlocks it, from whatever thread it runs on by then.
//
// A free mutex goes to whoever asks first, also past those who wait, which saves a switch for every
// short critical section; a waiter that has come away empty-handed four times is handed the mutex
// at the next unlock(), so nobody starves.
//
// A mutex that is destroyed while it is held or waited for is reported in debug builds.
class mutex {
 public:
  constexpr mutex() noexcept = default;
  ~mutex();
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  // Waits until the mutex is free and takes it.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any.
  void lock() noexcept;

  // As lock(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: the mutex is held.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::operation_canceled  the mutex is not held. A request that comes together with
  //            the mutex loses: the call succeeds.
  //   Threads  any.
  [[nodiscard]] result<void> lock_or_stop() noexcept;

  // Returns  true if the mutex was free and is held now.
  // Blocks   never.
  // Threads  any.
  [[nodiscard]] bool try_lock() noexcept;

  // Gives the mutex up. Never moves the calling fiber to another thread.
  //
  //   Blocks   never.
  //   Errors   unlocking a mutex that nobody holds ends the program.
  //   Threads  any.
  void unlock() noexcept;

 private:
  struct internals;
  internals& inside() noexcept;

  alignas(8) std::byte memory_[24]{};
};

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

// Waiting until a number of things are done. add() before each starts, done() at its end.
//
// The one who waits may destroy it as soon as wait() has returned; destroying it while somebody
// waits is reported in debug builds.
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
  void wait() noexcept;

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: all is done.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::operation_canceled  something may still go on.
  //   Threads  any number.
  [[nodiscard]] result<void> wait_or_stop() noexcept;

 private:
  struct internals;
  internals& inside() noexcept;
  bool wait_as(bool stoppable) noexcept;

  alignas(8) std::byte memory_[24]{};
};

}  // namespace sluice
