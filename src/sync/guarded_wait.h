// guarded_wait.h: the wait that most primitives have in common: a state and a queue under one
// guard.
//
//   Waiter:  1 begin the park   2 under the guard: take what is waited for, if it is there, and
//            withdraw the park; else enter the queue [A]   3 unless interrupted, park   4 under the
//            guard: leave the queue
//   Waker:   1 under the guard: change the state, claim those whom it serves [B]
//            2 leave the guard   3 make them runnable
// [A] and [B] happen under one guard: either the waiter sees the state or the waker sees the
// waiter. Whoever was claimed has been served, and takes nothing himself.
//
// The object may be destroyed by whoever was served last. So a waker touches it last in 2, and each
// waiter passes through the guard, also when there was nothing to wait for.
#pragma once

#include <cstdint>
#include <mutex>

#include "sched/park.h"
#include "sched/park_time.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"

namespace sluice::rt {

// What a waker gives those whom it has served.
inline constexpr wake_reason served = wake_reason::partner;

struct guarded_queue {
  spin_lock& guard;
  wait_list& waiters;  // GUARDED_BY(guard)
};

// Waits until `take()` says true or a waker serves this waiter. `left()` is called after a waiter
// that was not served has left the queue. Both run under the guard.
//
//   Returns  served, or why the wait was cut short.
template <class Take, class Left>
wake_reason wait_guarded(const guarded_queue& queue, const park_request& request, Take take,
                         Left left) noexcept {
  parker& self = this_parker();
  park_begin(self, request);
  wait_node node(self);
  bool taken = false;
  {
    const std::lock_guard held(queue.guard);
    taken = take();
    if (!taken) queue.waiters.push_back(node);
  }
  if (taken) {
    // Not in the queue: only a stop or the deadline can have won, and they come too late.
    if (!park_withdraw(self)) (void)park(self);
    return served;
  }
  wake_reason why = wake_reason::stop;
  if (!request.stoppable || !park_interrupted(self) || !park_withdraw(self)) why = park(self);
  const std::lock_guard held(queue.guard);
  queue.waiters.remove(node);
  if (why != served) left();
  return why;
}

// For those with nothing to tidy up.
template <class Take>
wake_reason wait_guarded(const guarded_queue& queue, const park_request& request,
                         Take take) noexcept {
  return wait_guarded(queue, request, take, [] {});
}

// Returns  what an _or_stop form returns.
[[nodiscard]] inline result<void> stop_result(wake_reason why) noexcept {
  if (why == served) return {};
  return std::unexpected(error(cut_short_by(why)));
}

}  // namespace sluice::rt
