// wait_group.cc: a counter, and a queue of those who wait for it to become zero.
//
// Done:    1 more than one left: take one away by CAS   2 else under the guard: take the last one
//          away, claim everybody who waits [A]   3 leave the guard   4 make them runnable
// Waiter:  1 begin the park   2 under the guard: look at the counter [B]: zero, withdraw the park
//          and return; else enter the queue   3 park   4 leave the queue, under the guard
// [A] and [B] happen under one guard: either the waiter sees zero or done() sees the waiter.
//
// Whoever waits may destroy the group as soon as it has returned, while the last done() is still on
// its way out. So done() touches it last in 3, and each waiter passes through the guard, also when
// there is nothing to wait for.
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <new>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sched/wake_batch.h"
#include "sluice/sync.h"

namespace sluice {
namespace {

constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();

}  // namespace

struct wait_group::internals {
  // The last step to zero is made under the guard.
  std::atomic<std::uint32_t> left;
  rt::spin_lock guard;
  rt::wait_list queue;  // GUARDED_BY(guard)

  bool take_one_of_many() noexcept;
  void take_last() noexcept;
  bool enter_unless_done(rt::wait_node& node) noexcept;
  void leave(rt::wait_node& node) noexcept;
};

wait_group::internals& wait_group::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

wait_group::~wait_group() {
#ifndef NDEBUG
  internals& self = inside();
  const std::lock_guard held(self.guard);
  if (!self.queue.empty()) misuse("a wait_group was destroyed while somebody waits for it");
#endif
}

void wait_group::add(std::size_t count) {
  std::atomic<std::uint32_t>& left = inside().left;
  std::uint32_t now = left.load(std::memory_order_relaxed);
  do {
    if (count > most - now) detail::throw_logic_error("sluice: a wait_group counts to 2^31 - 1");
    // relaxed: add carries nothing; what starts the work orders it.
  } while (!left.compare_exchange_weak(now, now + static_cast<std::uint32_t>(count),
                                       std::memory_order_relaxed));
}

void wait_group::done() noexcept {
  rt::race_release(this);
  if (!inside().take_one_of_many()) inside().take_last();
}

// Done, 1.
bool wait_group::internals::take_one_of_many() noexcept {
  std::uint32_t now = left.load(std::memory_order_relaxed);
  while (now > 1) {
    // release: the last step's acquire takes what all have done.
    if (left.compare_exchange_weak(now, now - 1, std::memory_order_release,
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Done, 2 to 4.
void wait_group::internals::take_last() noexcept {
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(guard);
  // acq_rel: takes what the others have done and, with the guard, gives it to those who wait.
  const std::uint32_t before = left.fetch_sub(1, std::memory_order_acq_rel);
  if (before == 0) misuse("done() of a wait_group without its add()");
  if (before == 1) batch.wake_all(queue, rt::wake_reason::partner);
}

bool wait_group::internals::enter_unless_done(rt::wait_node& node) noexcept {
  const std::lock_guard held(guard);
  // acquire: pairs with the release in take_one_of_many and take_last.
  if (left.load(std::memory_order_acquire) == 0) return false;
  queue.push_back(node);
  return true;
}

void wait_group::internals::leave(rt::wait_node& node) noexcept {
  const std::lock_guard held(guard);
  queue.remove(node);
}

// False: asked to stop.
bool wait_group::wait_as(bool stoppable) noexcept {
  internals& here = inside();
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::group, .on = this, .stoppable = stoppable});
  rt::wait_node node(self);
  if (!here.enter_unless_done(node)) {
    // Not in the queue: only a stop can have won, and it comes too late.
    if (!rt::park_withdraw(self)) (void)rt::park(self);
    return true;
  }
  rt::wake_reason why = rt::wake_reason::stop;
  if (!stoppable || !rt::park_interrupted(self) || !rt::park_withdraw(self)) {
    why = rt::park(self);
  }
  here.leave(node);
  return why == rt::wake_reason::partner;
}

void wait_group::wait() noexcept {
  (void)wait_as(false);
  rt::race_acquire(this);
}

result<void> wait_group::wait_or_stop() noexcept {
  if (rt::stop_requested() || !wait_as(true)) {
    return std::unexpected(error(errc::operation_canceled));
  }
  rt::race_acquire(this);
  return {};
}

}  // namespace sluice
