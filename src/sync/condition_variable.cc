// condition_variable.cc: a queue of waiters, nothing else: there is no state to get out of step.
//
// Waiter:    1 begin the park   2 enter the queue, under the guard   3 unlock the mutex [A]
//            4 park   5 unless notified, leave the queue, under the guard   6 lock the mutex
// Notifier:  1 change, under the mutex, what the waiter looks for   2 look whether anybody waits
// [B]
//            3 claim one, or all, under the guard   4 make them runnable
// [A] is a release and the notifier's lock of the mutex an acquire: a notifier that makes its
// change after the waiter has looked sees the waiter in 2. So [B] needs no order of its own.
//
// A waiter that was notified does not touch the object again: it may be gone. A waiter that times
// out or is stopped loses its claim to nobody: the notification goes to the next.
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/park_time.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sched/wake_batch.h"
#include "sluice/sync/condition_variable.h"

namespace sluice {

struct condition_variable::internals {
  rt::spin_lock guard;
  // Written under the guard; a notifier reads it before, to spare itself the guard.
  std::atomic<std::uint32_t> occupied;
  rt::wait_list queue;  // GUARDED_BY(guard)

  void enter(rt::wait_node& node) noexcept;
  void leave(rt::wait_node& node) noexcept;
  void note_occupied() noexcept;
};

struct condition_variable::request {
  std::int64_t until = rt::park_forever;
  bool stoppable = false;
};

condition_variable::internals& condition_variable::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

condition_variable::~condition_variable() {
#ifndef NDEBUG
  internals& self = inside();
  const std::lock_guard held(self.guard);
  if (!self.queue.empty()) misuse("a condition_variable was destroyed while somebody waits for it");
#endif
}

void condition_variable::internals::note_occupied() noexcept {
  // relaxed: see [B].
  occupied.store(queue.empty() ? 0 : 1, std::memory_order_relaxed);
}

void condition_variable::internals::enter(rt::wait_node& node) noexcept {
  const std::lock_guard held(guard);
  queue.push_back(node);
  note_occupied();
}

void condition_variable::internals::leave(rt::wait_node& node) noexcept {
  const std::lock_guard held(guard);
  queue.remove(node);
  note_occupied();
}

void condition_variable::notify_one() noexcept {
  rt::race_release(this);
  internals& self = inside();
  // relaxed: see [B].
  if (self.occupied.load(std::memory_order_relaxed) == 0) return;
  rt::wait_list::wake_outcome outcome;
  {
    const std::lock_guard held(self.guard);
    outcome = self.queue.wake_one(rt::wake_reason::partner);
    self.note_occupied();
  }
  rt::wait_list::finish_wake(outcome);
}

void condition_variable::notify_all() noexcept {
  rt::race_release(this);
  internals& self = inside();
  // relaxed: see [B].
  if (self.occupied.load(std::memory_order_relaxed) == 0) return;
  rt::wake_batch batch;
  const std::lock_guard held(self.guard);
  batch.wake_all(self.queue, rt::wake_reason::partner);
  self.note_occupied();
}

// Returns  the rt::wake_reason.
int condition_variable::wait_once(std::unique_lock<mutex>& lock, const request& wanted) noexcept {
  internals& here = inside();
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::condition,
                        .on = this,
                        .until = wanted.until,
                        .stoppable = wanted.stoppable});
  rt::wait_node node(self);
  here.enter(node);
  lock.mutex()->unlock();
  rt::wake_reason why = rt::wake_reason::stop;
  if (!wanted.stoppable || !rt::park_interrupted(self) || !rt::park_withdraw(self)) {
    why = rt::park(self);
  }
  if (why != rt::wake_reason::partner) here.leave(node);
  lock.mutex()->lock();
  return static_cast<int>(why);
}

void condition_variable::wait(std::unique_lock<mutex>& lock) noexcept { (void)wait_once(lock, {}); }

std::cv_status condition_variable::wait_until(std::unique_lock<mutex>& lock,
                                              deadline until) noexcept {
  const int why = wait_once(lock, {.until = rt::park_time(until)});
  return why == static_cast<int>(rt::wake_reason::deadline) ? std::cv_status::timeout
                                                            : std::cv_status::no_timeout;
}

result<void> condition_variable::wait_or_stop(std::unique_lock<mutex>& lock) noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  const int why = wait_once(lock, {.stoppable = true});
  if (why == static_cast<int>(rt::wake_reason::partner)) return {};
  return std::unexpected(error(rt::cut_short_by(static_cast<rt::wake_reason>(why))));
}

}  // namespace sluice
