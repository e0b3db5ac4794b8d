// change_bell.h: wakes whoever waits for something to change; what it is, they look up themselves.
//
//   Waiter:  1 hold the bell 2 look: nothing new 3 wait (lets go while it waits) 4 look again
//   Changer: 1 hold the bell 2 change 3 ring, let go
#pragma once

#include <cstdint>
#include <mutex>

#include "sched/spin_lock.h"
#include "sched/wake_batch.h"

namespace sluice::rt {

class change_bell {
 public:
  // Owns the bell's lock, which guards whatever may change. Those for whom it rings are made
  // runnable once the lock is free, so that they do not run into it, and others do not spin on it
  // for as long as that takes.
  class hold {
   public:
    explicit hold(change_bell& bell) noexcept : bell_(bell), held_(bell.lock_) {}

    // The bell may be the last thing that is known to exist: whoever is woken may destroy it as
    // soon as the lock is free. What is left to do then concerns the woken alone, who cannot run
    // before.
    void ring() noexcept { woken_.wake_all(bell_.queue_, wake_reason::partner); }

    // The lock is free during the wait and held again afterwards. Returns early, and without a
    // reason, whenever it likes.
    void wait(std::int64_t until, bool stoppable, wait_kind why = wait_kind::group) noexcept {
      parker& self = this_parker();
      park_begin(self, {.kind = why, .on = &bell_, .until = until, .stoppable = stoppable});
      wait_node node(self);
      bell_.queue_.push_back(node);
      held_.unlock();
      woken_.finish();
      const bool give_up = stoppable && park_interrupted(self);
      if (!give_up || !park_withdraw(self)) (void)park(self);
      held_.lock();
      bell_.queue_.remove(node);
    }

   private:
    change_bell& bell_;
    wake_batch woken_;  // before the lock: finished after it is free
    std::unique_lock<spin_lock> held_;
  };

 private:
  spin_lock lock_;
  wait_list queue_;  // GUARDED_BY(lock_)
};

}  // namespace sluice::rt
