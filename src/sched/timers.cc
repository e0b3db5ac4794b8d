#include "sched/timers.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "sched/worker.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

// Under timer_lock.
void note_earliest(processor& of) noexcept {
  const timer* const top = of.timers.top();
  // seq_cst: [A], and the sleeper's reads of it.
  of.earliest.store(top != nullptr ? top->key : timer_word::time_limit, std::memory_order_seq_cst);
}

// Where a timer that stands in no heap goes: to the caller's own processor.
processor& nearest(runtime& owner) noexcept {
  worker* const here = current_worker();
  if (here != nullptr && &here->owner() == &owner) return here->own();
  return owner.processors()[0];
}

// One arming of a timer at a time takes the slow path.
class arming_guard {
 public:
  explicit arming_guard(timer& which) noexcept : which_(which) {
    // acquire: pairs with the destructor's release.
    while (which_.arming.exchange(true, std::memory_order_acquire)) {
    }
  }
  ~arming_guard() { which_.arming.store(false, std::memory_order_release); }
  arming_guard(const arming_guard&) = delete;
  arming_guard& operator=(const arming_guard&) = delete;

 private:
  timer& which_;
};

// Takes the timer out of its heap if it stands in one. Under arming_guard, so that nobody links it
// meanwhile; expiry may unlink it.
void unlink(runtime& owner, timer& which) noexcept {
  if (!which.word.is_linked()) return;
  // relaxed: written before `linked` was; only arming changes it.
  processor& home = owner.processors()[which.home.load(std::memory_order_relaxed)];
  const std::lock_guard guard(home.timer_lock);
  if (!which.word.is_linked()) return;
  home.timers.remove(which);
  which.word.unlink();
  note_earliest(home);
}

void link(runtime& owner, timer& which, std::int64_t when) noexcept {
  processor& home = nearest(owner);
  {
    const std::lock_guard guard(home.timer_lock);
    which.home.store(home.index, std::memory_order_relaxed);
    home.timers.insert(which, when);
    which.word.link(when);
    note_earliest(home);  // [A]
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (when < home.sleep_until.load(std::memory_order_seq_cst)) owner.signal(home);
}

control_block* fire_fiber(runtime& owner, const timer& which, std::int64_t now) noexcept {
  control_block& fiber = owner.block(which.owner);
  std::uint32_t epoch = 0;
  if (!fiber.word.waiting_epoch(epoch)) return nullptr;
  // relaxed: written before the park began. A later park's deadline may be read here, but then the
  // claim names a park that is over.
  if (fiber.park_deadline.load(std::memory_order_relaxed) > now) return nullptr;
  const claim_result won = fiber.word.claim_and_release(epoch, wake_reason::deadline);
  return won == claim_result::runnable ? &fiber : nullptr;
}

control_block* fire_descriptor(runtime& owner, const timer& which, direction side,
                               std::int64_t now) noexcept {
  poll_desc& desc = owner.descriptors().at(which.owner);
  std::int64_t due = desc.deadline(side).load(std::memory_order_relaxed);
  do {
    // Moved meanwhile: whoever moved it arms the timer after this.
    if (due > now || due == deadline_expired) return nullptr;
    // seq_cst: the stopper's step 1 (wait_slot.h), and it fails if the deadline was moved.
  } while (
      !desc.deadline(side).compare_exchange_weak(due, deadline_expired, std::memory_order_seq_cst));
  const auto who = desc.slot(side).cancel(desc.generation());
  if (!who) return nullptr;
  control_block& fiber = owner.block(who->fiber);
  const claim_result won = fiber.word.claim_and_release(who->epoch, wake_reason::deadline);
  return won == claim_result::runnable ? &fiber : nullptr;
}

control_block* fire(runtime& owner, const timer& which, std::int64_t now) noexcept {
  switch (which.kind) {
    case timer_kind::fiber:
      return fire_fiber(owner, which, now);
    case timer_kind::descriptor_read:
      return fire_descriptor(owner, which, direction::read, now);
    case timer_kind::descriptor_write:
      return fire_descriptor(owner, which, direction::write, now);
  }
  return nullptr;
}

// Unlinks what is due, under the lock. Owners are type-stable memory, so the pointers stay good.
std::uint32_t collect(processor& of, std::int64_t now, timer* (&due)[expiry_batch]) noexcept {
  const std::lock_guard guard(of.timer_lock);
  std::uint32_t count = 0;
  while (count < expiry_batch) {
    timer* const top = of.timers.top();
    if (top == nullptr || top->key > now) break;
    of.timers.remove(*top);
    // Before the expiry, after which its owner may arm it again.
    const std::int64_t time = top->word.time();
    switch (top->word.expire(now)) {
      case expiry::due:
        of.timer_lateness.add(now - time);
        due[count++] = top;
        break;
      case expiry::later:
        of.timers.insert(*top, top->word.time());
        break;
      case expiry::stopped:
        break;
    }
  }
  note_earliest(of);
  return count;
}

}  // namespace

void arm_timer(runtime& owner, timer& which, std::int64_t when) noexcept {
  when = std::clamp(when, std::int64_t{0}, timer_word::time_limit - 1);
  if (which.word.move_later(when)) return;
  const arming_guard guard(which);
  unlink(owner, which);
  link(owner, which, when);
}

void unlink_timer(runtime& owner, timer& which) noexcept {
  if (!which.word.is_linked()) return;
  const arming_guard guard(which);
  unlink(owner, which);
}

expired_timers expire_timers(runtime& owner, processor& of, std::int64_t now,
                             control_block* (&into)[expiry_batch]) noexcept {
  // relaxed: a hint; the owner looks again before it sleeps.
  if (of.earliest.load(std::memory_order_relaxed) > now) return {};
  timer* due[expiry_batch];
  const std::uint32_t count = collect(of, now, due);
  expired_timers outcome;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (control_block* fiber = fire(owner, *due[i], now)) into[outcome.runnable++] = fiber;
  }
  outcome.more = count == expiry_batch;
  return outcome;
}

}  // namespace sluice::rt
