// countdown.cc: a counter, and a queue of those who wait for it to become zero.
//
// Take:    1 more than that is left: take it away by CAS   2 else under the guard: take the last
//          away and claim everybody who waits   3 leave the guard   4 make them runnable
// Waiter:  as in guarded_wait.h; what is waited for is zero.
#include "sluice/sync/countdown.h"

#include <new>
#include <type_traits>

#include "fiber/sanitizer.h"
#include "sched/wake_batch.h"
#include "sync/guarded_wait.h"

namespace sluice::detail {

struct countdown::internals {
  rt::spin_lock guard;
  rt::wait_list queue;  // GUARDED_BY(guard)
};

struct countdown::asked {
  deadline until{};
  bool stoppable = false;
};

countdown::internals& countdown::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  // Constant-initialised: all of its parts start as zero bytes, and end as any bytes.
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

bool countdown::is_awaited() noexcept {
  internals& here = inside();
  const std::lock_guard held(here.guard);
  return !here.queue.empty();
}

bool countdown::add(std::size_t count) noexcept {
  std::uint32_t now = left_.load(std::memory_order_relaxed);
  do {
    if (count > most - now) return false;
    // relaxed: add carries nothing; what starts the work orders it.
  } while (!left_.compare_exchange_weak(now, now + static_cast<std::uint32_t>(count),
                                        std::memory_order_relaxed));
  return true;
}

bool countdown::take_away(std::size_t count) noexcept {
  if (count > most) return false;
  rt::race_release(this);
  const auto some = static_cast<std::uint32_t>(count);
  return take_some_of_many(some) || take_last(some);
}

// Take, 1.
bool countdown::take_some_of_many(std::uint32_t count) noexcept {
  std::uint32_t now = left_.load(std::memory_order_relaxed);
  while (now > count) {
    // release: the last step's acquire takes what all have done.
    if (left_.compare_exchange_weak(now, now - count, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Take, 2 to 4. False: there is less.
bool countdown::take_last(std::uint32_t count) noexcept {
  internals& here = inside();
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  std::uint32_t now = left_.load(std::memory_order_relaxed);
  do {
    if (now < count) return false;
    // acq_rel: takes what the others have done and, with the guard, gives it to those who wait.
  } while (!left_.compare_exchange_weak(now, now - count, std::memory_order_acq_rel,
                                        std::memory_order_relaxed));
  if (now == count) batch.wake_all(here.queue, rt::served);
  return true;
}

bool countdown::is_zero() const noexcept {
  // acquire: pairs with the release in take_some_of_many and take_last.
  const bool zero = left_.load(std::memory_order_acquire) == 0;
  if (zero) rt::race_acquire(const_cast<countdown*>(this));
  return zero;
}

// Returns  the rt::wake_reason.
int countdown::wait_as(const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::group,
                                 .on = this,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why =
      rt::wait_guarded({here.guard, here.queue}, request, [&] { return is_zero(); });
  if (why == rt::served) rt::race_acquire(this);
  return static_cast<int>(why);
}

void countdown::wait() noexcept { (void)wait_as({}); }

bool countdown::wait_until(deadline until) noexcept {
  return wait_as({.until = until}) == static_cast<int>(rt::served);
}

result<void> countdown::wait_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  return rt::stop_result(static_cast<rt::wake_reason>(wait_as({.stoppable = true})));
}

}  // namespace sluice::detail
