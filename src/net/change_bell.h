// change_bell.h: wakes whoever waits for something to change; what it is, they look up themselves.
//
//   Waiter:  1 lock the bell 2 look: nothing new 3 wait (unlocks while it waits) 4 look again
//   Changer: 1 lock the bell 2 change 3 ring, unlock
#pragma once

#include <cstdint>
#include <mutex>

#include "sched/spin_lock.h"
#include "sched/wait_list.h"

namespace sluice::net {

class change_bell {
 public:
  [[nodiscard]] rt::spin_lock& lock() noexcept { return lock_; }

  // The lock is held; it is free during the wait and held again afterwards. Returns early, and
  // without a reason, whenever it likes.
  void wait(std::unique_lock<rt::spin_lock>& held, std::int64_t until, bool stoppable) noexcept {
    rt::parker& self = rt::this_parker();
    rt::park_begin(
        self, {.kind = rt::wait_kind::group, .on = this, .until = until, .stoppable = stoppable});
    rt::wait_node node(self);
    queue_.push_back(node);
    held.unlock();
    const bool give_up = stoppable && rt::park_interrupted(self);
    if (!give_up || !rt::park_withdraw(self)) (void)rt::park(self);
    held.lock();
    queue_.remove(node);
  }

  // The lock is held, and may be the last thing that is known to exist: whoever it wakes may
  // destroy the bell as soon as the lock is free.
  void ring() noexcept {
    for (;;) {
      const rt::wait_list::wake_outcome woken = queue_.wake_one(rt::wake_reason::partner);
      if (!woken.found) return;
      rt::wait_list::finish_wake(woken);
    }
  }

 private:
  rt::spin_lock lock_;
  rt::wait_list queue_;  // GUARDED_BY(lock_)
};

}  // namespace sluice::net
