// shared_mutex.h: many readers, or one writer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {

// std::shared_timed_mutex, for fibers too: std::unique_lock, lock_guard and shared_lock work with
// it. Not recursive, for readers neither: a second lock_shared() waits behind a writer who waits
// for the first.
//
// Nobody starves: readers who come while a writer waits wait behind it, and a writer's unlock()
// lets in all readers who wait by then, before the next writer. Who waits is handed the mutex.
// Debug builds report the unlocking of what somebody else has locked, and destroying one that is in
// use.
class shared_mutex {
 public:
  constexpr shared_mutex() noexcept = default;
  ~shared_mutex();
  shared_mutex(const shared_mutex&) = delete;
  shared_mutex& operator=(const shared_mutex&) = delete;

  // Waits until nobody has it and takes it alone.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any.
  void lock() noexcept;

  // Returns  true if nobody had it; it is held now. Never blocks.
  [[nodiscard]] bool try_lock() noexcept;

  // As lock(), until `until` at the latest; a free one is taken also when that has passed.
  //
  //   Returns  true if it is held.
  //   Units    the steady clock.
  [[nodiscard]] bool try_lock_until(deadline until) noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return try_lock() || try_lock_until(deadline::in(delay));
  }

  // As lock(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: it is held.
  //   Errors   errc::operation_canceled; it is not held. A request that comes together with the
  //            mutex loses: the call succeeds.
  [[nodiscard]] result<void> lock_or_stop() noexcept;

  // Gives it up.
  //
  //   Blocks   never.
  //   Errors   unlocking what nobody has locked ends the program.
  void unlock() noexcept;

  // The same for readers, who have it together.
  void lock_shared() noexcept;
  [[nodiscard]] bool try_lock_shared() noexcept;
  [[nodiscard]] bool try_lock_shared_until(deadline until) noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return try_lock_shared() || try_lock_shared_until(deadline::in(delay));
  }
  [[nodiscard]] result<void> lock_shared_or_stop() noexcept;
  void unlock_shared() noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;
  bool take_alone() noexcept;
  bool take_shared() noexcept;
  bool take_alone_or_announce() noexcept;
  bool take_shared_or_announce() noexcept;
  void note_departure() noexcept;
  void note_owner() noexcept;
  bool leave_to_waiters() noexcept;
  int lock_as(const asked& how) noexcept;
  int lock_shared_as(const asked& how) noexcept;

  // 1: a writer has it; 2: somebody waits; the rest counts readers, by fours.
  std::atomic<std::uint64_t> word_{0};
  alignas(8) std::byte memory_[48]{};
};

using shared_timed_mutex = shared_mutex;

}  // namespace sluice
