// event.cc: a word that says whether it is set, and a queue of those who wait for that.
//
// Waiter:  as in guarded_wait.h; with automatic reset the taking is a CAS from set to unset.
// Set:     1 under the guard: automatic: claim one waiter; if there is none, or manual: set the
//          word, and claim everybody   2 leave the guard   3 make them runnable
// The word becomes set under the guard only, when the queue is empty or is emptied: nobody waits
// for an event that is set. It may become unset at any time.
#include "sluice/sync/event.h"

#include <new>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/wake_batch.h"
#include "sync/guarded_wait.h"

namespace sluice {

struct event::internals {
  rt::spin_lock guard;
  rt::wait_list queue;  // GUARDED_BY(guard)
};

struct event::asked {
  deadline until{};
  bool stoppable = false;
};

event::internals& event::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

event::~event() {
#ifndef NDEBUG
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (!here.queue.empty()) misuse("an event was destroyed while somebody waits for it");
#endif
}

void event::set() noexcept {
  rt::race_release(this);
  internals& here = inside();
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  if (mode_ == reset_mode::automatic) {
    const rt::wait_list::wake_outcome outcome = here.queue.wake_one(rt::served);
    if (outcome.to_ready != nullptr) batch.add(*outcome.to_ready);
    if (outcome.found) return;
  }
  // release: pairs with pass(). An exchange, so that who passes sees what every set() before it
  // published.
  word_.exchange(1, std::memory_order_release);
  batch.wake_all(here.queue, rt::served);
}

void event::reset() noexcept {
  // relaxed: it carries nothing; an exchange for the reason above.
  word_.exchange(0, std::memory_order_relaxed);
}

bool event::is_set() const noexcept {
  // acquire: pairs with the release in set().
  return word_.load(std::memory_order_acquire) != 0;
}

bool event::pass() noexcept {
  if (mode_ == reset_mode::manual) return is_set();
  std::uint32_t set = 1;
  // acquire: pairs with the release in set().
  return word_.compare_exchange_strong(set, 0, std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

bool event::try_wait() noexcept {
  if (!pass()) return false;
  rt::race_acquire(this);
  return true;
}

// Returns  the rt::wake_reason.
int event::wait_as(const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::event,
                                 .on = this,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why =
      rt::wait_guarded({here.guard, here.queue}, request, [&] { return pass(); });
  if (why == rt::served) rt::race_acquire(this);
  return static_cast<int>(why);
}

void event::wait() noexcept { (void)wait_as({}); }

bool event::wait_until(deadline until) noexcept {
  return wait_as({.until = until}) == static_cast<int>(rt::served);
}

result<void> event::wait_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  return rt::stop_result(static_cast<rt::wake_reason>(wait_as({.stoppable = true})));
}

}  // namespace sluice
