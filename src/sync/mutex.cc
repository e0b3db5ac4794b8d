// mutex.cc: one word that says who may enter, and a queue of those who wait.
//
//   bit       means                                       set by             cleared by
//   locked    somebody holds the mutex                    taker, by CAS      unlock; stays set when
//                                                                            it hands over
//   waiting   the queue is not empty                      waiter [G]         whoever empties it [G]
//   woken     a waiter was woken and is on its way to     unlock [G]         that waiter [G], when
//             compete; nobody else is woken meanwhile                        it takes or requeues
//   handing   the first waiter has lost often enough:     that waiter [G]    unlock [G], after it
//             the next unlock gives it the mutex                             has handed over
//
// [G]: under the guard. Only the holder clears `locked`. A waiter enters the queue only while the
// mutex is held, and it stays held, or `woken`, until the queue is empty: somebody always comes by
// who wakes the next. `handing` excludes `woken`, since it is set by the one woken waiter.
//
// Lock:    1 free: set locked by CAS, past everybody who waits. Else:
//          2 begin the park   3 under the guard: free after all: take it and withdraw the park;
//          else set waiting [A] and enter the queue   4 park   5 pass through the guard; woken: 2
//          again, handed over: done
// Unlock:  1 nobody waits, or one is woken already: clear locked by CAS [B]
//          2 else under the guard: claim the first waiter, and either leave locked set (handed
//          over) or clear it and set woken   3 leave the guard   4 make the waiter runnable
// [A] and [B] change one word, so either the waiter sees the mutex free or the holder sees it.
//
// The mutex may be destroyed by whoever has locked and unlocked it last. So an unlock touches it
// last in 3, and each waiter passes through the guard after its wake: until that waiter has done
// so, whom the unlock has just woken, the mutex has a user.
//
// Rejected: handing over always (each contended section would cost a switch while nobody runs it);
// never (a waiter may lose for ever); Go's millisecond of waiting instead of a count of losses (a
// clock read for each wait, and nothing that a test can hold it to); spinning before the park (with
// one processor the holder is parked, and the spin delays it).
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/awaited.h"
#include "sched/park_time.h"
#include "sched/spin_lock.h"
#include "sluice/sync/mutex.h"
#include "sync/lock_queue.h"

namespace sluice {
namespace {

constexpr std::uint32_t locked = 1;
constexpr std::uint32_t waiting = 2;
constexpr std::uint32_t woken = 4;
constexpr std::uint32_t handing = 8;

// How often a waiter is woken and finds the mutex taken again before it is handed over.
constexpr int patience = 4;

// What a waiter is told by the reason of its wake.
constexpr rt::wake_reason compete = rt::wake_reason::partner;
constexpr rt::wake_reason owned = rt::wake_reason::ready;

}  // namespace

struct mutex::asked {
  deadline until{};
  bool stoppable = false;
};

struct mutex::internals {
  rt::lock_owner owner;
  std::atomic<std::uint32_t> state;
  rt::spin_lock guard;
  rt::lock_queue queue;  // GUARDED_BY(guard)

  // One waiter's wait, in its frame.
  struct wait {
    explicit wait(rt::parker& who) noexcept : node(who) {}
    rt::wait_node node;
    bool was_woken = false;  // the bit `woken` stands for this waiter
    int losses = 0;
  };

  bool take_if_free() noexcept;
  std::optional<errc> lock_slowly(const asked& how) noexcept;
  void note_owner() noexcept;
  void check_owner() const noexcept;
  bool take_or_enqueue(wait& self) noexcept;
  void leave_queue(wait& self) noexcept;
  void unlock_slowly(std::uint32_t now) noexcept;
  bool pass_on() noexcept;
};

static_assert(sizeof(mutex) == 32);

mutex::internals& mutex::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  // A mutex is constant-initialised: all of its parts start as zero bytes, and end as any bytes.
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

mutex::~mutex() {
#ifndef NDEBUG
  // relaxed: nobody else may be near it.
  const std::uint32_t now = inside().state.load(std::memory_order_relaxed);
  if ((now & (waiting | woken)) != 0) misuse("a mutex was destroyed while somebody waits for it");
  if ((now & locked) != 0) misuse("a mutex was destroyed while somebody holds it");
#endif
}

// Whoever has just taken it.
void mutex::internals::note_owner() noexcept {
  rt::race_acquire(this);
  owner.note_taken();
}

// Before it is given up. That nobody holds it is found later, in every build.
void mutex::internals::check_owner() const noexcept {
#ifndef NDEBUG
  // relaxed: whoever holds it has set it himself.
  if ((state.load(std::memory_order_relaxed) & locked) != 0 && !owner.is_caller()) {
    misuse("a mutex was unlocked by somebody who has not locked it");
  }
#endif
}

bool mutex::try_lock() noexcept {
  if (!inside().take_if_free()) return false;
  inside().note_owner();
  return true;
}

void mutex::lock() noexcept {
  std::uint32_t free = 0;
  // acquire: pairs with the unlock's release.
  if (!inside().state.compare_exchange_strong(free, locked, std::memory_order_acquire,
                                              std::memory_order_relaxed)) [[unlikely]] {
    (void)inside().lock_slowly({});
  }
  inside().note_owner();
}

bool mutex::try_lock_until(deadline until) noexcept {
  if (inside().lock_slowly({.until = until})) return false;
  inside().note_owner();
  return true;
}

result<void> mutex::lock_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  if (const auto why = inside().lock_slowly({.stoppable = true})) {
    return std::unexpected(error(*why));
  }
  inside().note_owner();
  return {};
}

void mutex::unlock() noexcept {
  rt::race_release(this);
  inside().check_owner();
  inside().owner.note_left();
  std::uint32_t held = locked;
  // release: pairs with the next taker's acquire.
  if (!inside().state.compare_exchange_strong(held, 0, std::memory_order_release,
                                              std::memory_order_relaxed)) [[unlikely]] {
    inside().unlock_slowly(held);
  }
}

// Lock, 1.
bool mutex::internals::take_if_free() noexcept {
  std::uint32_t now = state.load(std::memory_order_relaxed);
  while ((now & locked) == 0) {
    // acquire: pairs with the unlock's release.
    if (state.compare_exchange_weak(now, now | locked, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Returns why it is not held: asked to stop, or too late.
std::optional<errc> mutex::internals::lock_slowly(const asked& how) noexcept {
  if (take_if_free()) return std::nullopt;
  rt::parker& self = rt::this_parker();
  wait mine(self);
  for (;;) {
    rt::park_begin(self, {.kind = rt::wait_kind::lock,
                          .on = this,
                          .until = rt::park_time(how.until),
                          .stoppable = how.stoppable});
    if (take_or_enqueue(mine)) {
      // Not in the queue: only a stop or the deadline can have won, and the mutex comes first.
      if (!rt::park_withdraw(self)) (void)rt::park(self);
      return std::nullopt;
    }
    if (how.stoppable && rt::park_interrupted(self)) {
      leave_queue(mine);
      if (rt::park_withdraw(self)) return errc::operation_canceled;
    }
    const rt::wake_reason why = rt::park(self);
    leave_queue(mine);
    if (why == owned) return std::nullopt;
    if (why != compete) return rt::cut_short_by(why);
    mine.was_woken = true;
    ++mine.losses;  // unless it wins now
  }
}

// Lock, 3.
bool mutex::internals::take_or_enqueue(wait& self) noexcept {
  const std::lock_guard held(guard);
  std::uint32_t now = state.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint32_t rest = self.was_woken ? now & ~woken : now;
    const bool free = (now & locked) == 0;
    std::uint32_t next = rest | locked;
    if (!free) next |= waiting | (self.losses >= patience ? handing : 0);
    // acquire: pairs with the unlock's release. [A] needs no more: the guard orders the queue.
    if (!state.compare_exchange_weak(now, next, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      continue;
    }
    if (free) return true;
    if (self.was_woken) {
      queue.push_front(self.node);
    } else {
      queue.push_back(self.node);
    }
    self.was_woken = false;
    return false;
  }
}

// Lock, 5, and the way out of the queue for a waiter that gives up.
void mutex::internals::leave_queue(wait& self) noexcept {
  const std::lock_guard held(guard);
  if (!self.node.linked) return;
  queue.remove(self.node);
  // relaxed: the bits tell of the queue, which the guard orders.
  if (queue.empty()) state.fetch_and(~(waiting | handing), std::memory_order_relaxed);
}

void mutex::internals::unlock_slowly(std::uint32_t now) noexcept {
  for (;;) {
    if ((now & locked) == 0) misuse("a mutex was unlocked that nobody holds");
    if ((now & (waiting | woken)) == waiting) {
      if (pass_on()) return;
      now = state.load(std::memory_order_relaxed);
      continue;
    }
    // release: pairs with the next taker's acquire. [B]
    if (state.compare_exchange_weak(now, now & ~locked, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return;
    }
  }
}

// Unlock, 2 to 4. False: the last waiter has left by itself, and the mutex is still held.
bool mutex::internals::pass_on() noexcept {
  rt::wait_list::wake_outcome outcome;
  {
    const std::lock_guard held(guard);
    // Freed here, it could be destroyed before the guard is left, since no waiter will pass by.
    if (queue.empty()) return false;
    // relaxed: nobody but the holder and the holder of the guard changes a word with `locked`.
    const bool hand_over = (state.load(std::memory_order_relaxed) & handing) != 0;
    outcome = queue.wake_one(hand_over ? owned : compete);
    std::uint32_t next = queue.empty() ? 0 : waiting;
    if (outcome.found) next |= hand_over ? locked : woken;
    // release: pairs with the next taker's acquire.
    state.store(next, std::memory_order_release);
  }
  rt::wait_list::finish_wake(outcome);
  return true;
}

}  // namespace sluice
