// timer.cc: a time under a guard, and those who wait for it. Each waits until that time by himself;
// who comes first takes the tick, the others look again. Whoever moves the time wakes all of them,
// so that they look too.
#include "sluice/timer.h"

#include <mutex>
#include <new>
#include <type_traits>

#include "base/bug.h"
#include "os/clock.h"
#include "sched/park_time.h"
#include "sched/spin_lock.h"
#include "sched/wake_batch.h"
#include "sluice/fiber.h"
#include "sync/channel_state.h"

namespace sluice::detail {

struct timer_core::internals {
  rt::spin_lock guard;
  // GUARDED_BY(guard) from here on. park_forever: no tick.
  std::int64_t when;
  std::int64_t period;  // 0: one tick
  rt::wait_list waiters;
};

timer_core::internals& timer_core::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

timer_core::timer_core(deadline first, std::chrono::nanoseconds period) noexcept {
  ::new (static_cast<void*>(memory_))
      internals{.guard = {}, .when = rt::park_time(first), .period = period.count(), .waiters = {}};
}

timer_core::~timer_core() {
  // Passes through the guard behind whoever used it last.
  const std::lock_guard held(inside().guard);
#ifndef NDEBUG
  if (!inside().waiters.empty()) misuse("a timer was destroyed while somebody waits for it");
#endif
}

bool timer_core::set(deadline first, std::chrono::nanoseconds period) noexcept {
  internals& here = inside();
  rt::wake_batch woken;
  const std::lock_guard held(here.guard);
  const bool outstanding = here.when != rt::park_forever;
  here.when = rt::park_time(first);
  here.period = period.count();
  woken.wake_all(here.waiters, rt::wake_reason::ready);
  return outstanding;
}

bool timer_core::take() noexcept {
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (here.when == rt::park_forever) return false;
  const std::int64_t now = os::monotonic_now();
  if (now < here.when) return false;
  if (here.period == 0) {
    here.when = rt::park_forever;
  } else {
    here.when += ((now - here.when) / here.period + 1) * here.period;
  }
  return true;
}

deadline timer_core::next() noexcept {
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (here.when == rt::park_forever) return deadline::none();
  return time_point(std::chrono::nanoseconds(here.when));
}

bool timer_core::enter(pending_call& call, deadline expected) noexcept {
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (here.when != rt::park_time(expected)) return false;
  here.waiters.push_back(call);
  return true;
}

void timer_core::leave(pending_call& call) noexcept {
  internals& here = inside();
  const std::lock_guard held(here.guard);
  here.waiters.remove(call);
}

std::chrono::nanoseconds checked_period(std::chrono::nanoseconds period) {
  if (period.count() <= 0) throw_logic_error("sluice: a ticker's period is a positive time");
  return period;
}

}  // namespace sluice::detail
