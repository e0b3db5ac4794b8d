// mutex.h: mutual exclusion.
#pragma once

#include <chrono>
#include <cstddef>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {

// Mutual exclusion; TimedLockable by the steady clock, so std::lock_guard, unique_lock and
// scoped_lock work with it. Not recursive. Whoever locked it unlocks it, from whatever thread it
// runs on by then.
//
// A free mutex goes to whoever asks first, also past those who wait, which saves a switch for every
// short critical section; a waiter that has come away empty-handed four times is handed the mutex
// at the next unlock(), so nobody starves.
//
// Debug builds report the unlocking of a mutex that somebody else holds, and the destruction of one
// that is held or waited for.
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

  // Waits until the mutex is free and takes it, until `until` at the latest; a free one is taken
  // also when that has passed.
  //
  //   Returns  true if the mutex is held.
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any.
  //   Units    the steady clock.
  [[nodiscard]] bool try_lock_until(deadline until) noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return try_lock() || try_lock_until(deadline::in(delay));
  }

  // Gives the mutex up. Never moves the calling fiber to another thread.
  //
  //   Blocks   never.
  //   Errors   unlocking a mutex that nobody holds ends the program.
  //   Threads  any.
  void unlock() noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;

  alignas(8) std::byte memory_[32]{};
};

// std::timed_mutex has what std::mutex has not; here every mutex has it.
using timed_mutex = mutex;

}  // namespace sluice
