// awaited.h: whom a fiber waits for, where that is one: who holds the mutex, or is joined. For
// dumps and for the search for circles.
#pragma once

#include <atomic>

#include "sched/park.h"

namespace sluice::rt {

// What a park of one of the kinds below is `on` begins with this. It is there as long as somebody
// waits, so whoever keeps the waiter from going on may read it (while_it_waits).
struct awaited {
  // Null: nobody, or nobody that is known, as plain threads and readers are not. relaxed: it is
  // read while whom it names is parked, and has long since written it, or is a hint.
  std::atomic<const parker*> who{nullptr};
};

// Who holds a lock, written by its holder. Release builds do not know plain threads.
struct lock_owner : awaited {
  void note_taken() noexcept {
#ifdef NDEBUG
    who.store(this_fiber_or_null(), std::memory_order_relaxed);
#else
    who.store(&this_parker(), std::memory_order_relaxed);
#endif
  }
  void note_left() noexcept { who.store(nullptr, std::memory_order_relaxed); }
  // In debug builds.
  [[nodiscard]] bool is_caller() const noexcept {
    return who.load(std::memory_order_relaxed) == &this_parker();
  }
};

[[nodiscard]] constexpr bool names_whom(wait_kind kind) noexcept {
  return kind == wait_kind::lock || kind == wait_kind::read_lock || kind == wait_kind::write_lock ||
         kind == wait_kind::join;
}

}  // namespace sluice::rt
