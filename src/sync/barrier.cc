// barrier.cc: how many are missing in this phase, and a queue of those who wait for its end.
//
// Arrive:  1 under the guard: count it   2 the last one: run the completion, with nothing held
//          3 under the guard: begin the next phase, claim everybody who waits   4 leave the guard
//          5 make them runnable
// Waiter:  as in guarded_wait.h; what is waited for is another phase.
// Between 1 and 3 nobody is missing, so an arrival too many is seen as one.
#include "sluice/sync/barrier.h"

#include <new>
#include <stdexcept>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/wake_batch.h"
#include "sync/guarded_wait.h"

namespace sluice::detail {

void refuse_participants() {
  throw std::invalid_argument("sluice: a barrier has between 0 and 2^31 - 1 participants");
}

struct barrier_core::internals {
  rt::spin_lock guard;
  rt::wait_list queue;  // GUARDED_BY(guard)
};

struct barrier_core::asked {
  deadline until{};
  bool stoppable = false;
};

barrier_core::internals& barrier_core::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

barrier_core::~barrier_core() {
#ifndef NDEBUG
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (!here.queue.empty()) misuse("a barrier was destroyed while somebody waits at it");
#endif
}

std::uint32_t barrier_core::arrive(std::ptrdiff_t count, std::ptrdiff_t dropped,
                                   const completion& at_end) noexcept {
  rt::race_release(this);
  internals& here = inside();
  std::uint32_t phase = 0;
  {
    const std::lock_guard held(here.guard);
    if (count < 1 || count > std::ptrdiff_t{left_}) {
      misuse("more arrivals at a barrier than its phase expects, or none");
    }
    phase = phase_;
    left_ -= static_cast<std::uint32_t>(count);
    expected_ -= static_cast<std::uint32_t>(dropped);
    if (left_ > 0) return phase;
  }
  rt::race_acquire(this);
  at_end.run(at_end.of);
  rt::race_release(this);
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  ++phase_;
  left_ = expected_;
  batch.wake_all(here.queue, rt::served);
  return phase;
}

// Returns  the rt::wake_reason.
int barrier_core::wait_as(std::uint32_t phase, const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::phase,
                                 .on = this,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why =
      rt::wait_guarded({here.guard, here.queue}, request, [&] { return phase_ != phase; });
  if (why == rt::served) rt::race_acquire(this);
  return static_cast<int>(why);
}

void barrier_core::wait(std::uint32_t phase) noexcept { (void)wait_as(phase, {}); }

bool barrier_core::wait_until(std::uint32_t phase, deadline until) noexcept {
  return wait_as(phase, {.until = until}) == static_cast<int>(rt::served);
}

result<void> barrier_core::wait_or_stop(std::uint32_t phase) noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  return rt::stop_result(static_cast<rt::wake_reason>(wait_as(phase, {.stoppable = true})));
}

}  // namespace sluice::detail
