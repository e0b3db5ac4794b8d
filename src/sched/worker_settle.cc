// worker_settle.cc: what a fiber asked for when it left, done once its context is saved: by the
// fiber that runs next, or by the worker's loop. See worker_switch.h.
#include <algorithm>

#include "base/bug.h"
#include "base/prefetch.h"
#include "fiber/slab.h"
#include "os/clock.h"
#include "os/memory.h"
#include "sched/worker_switch.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

// What a fiber left below its frames when it was deeper in calls than it is now. On this thread's
// own processor, and before anybody else may run the fiber. The red zone lies below its stack
// pointer.
void trim_stack(const control_block& parked) noexcept {
  constexpr std::uintptr_t red_zone = 128;
  const auto bottom = reinterpret_cast<std::uintptr_t>(parked.stack_bottom);
  const auto used = reinterpret_cast<std::uintptr_t>(parked.saved.stack_pointer) - red_zone;
  const std::uintptr_t end = used & ~(std::uintptr_t{os::page_size()} - 1);
  if (end <= bottom) return;
  discard_stack(parked.stack_bottom, reinterpret_cast<void*>(end));
}

}  // namespace

// Returns at once if there is nobody else; but now and then the loop has its look.
void worker::yield(worker& here) noexcept {
  control_block* const self = here.current_;
  here.enter_to_leave();
  const bool counted = here.processor_->queue.has_thieves();
  if (counted) here.processor_->yielding.begin();
  control_block* const next = here.at_hand();
  if (next == nullptr && switches_directly && here.until_look_ > 1) {
    --here.until_look_;
    if (counted) here.processor_->yielding.end();
    here.processor_->count_switch();
    here.gate_.leave();
    return;
  }
  here.switch_away(self, next, departure::yielded);
}

void worker::settle_park(control_block* fiber) noexcept {
  processor_counters::add(processor_->counters.parks);
  const std::int64_t now = os::monotonic_now_coarse();
  fiber->waiting_since.store(now, std::memory_order_relaxed);
  if (now - fiber->trimmed_at >= switched.trim_interval) [[unlikely]] {
    // Not at the first park: most fibers end before a second one is due.
    if (fiber->trimmed_at != 0) trim_stack(*fiber);
    fiber->trimmed_at = now;
  }
  // [C] of park_word.h: from here on anybody may run it, unless we are to make it runnable.
  if (!fiber->word.save()) return;
#ifdef SLUICE_MIGRATE
  owner_.make_runnable(fiber);
#else
  processor_counters::add(processor_->counters.wakes);
  note_inside(*processor_, *fiber, nullptr);
  if (push_next(fiber)) owner_.wake_one();
#endif
}

void worker::recycle(control_block* fiber) noexcept {
  sanitizer_destroy(fiber->sanitizer);
  // relaxed: the pool's lock orders it for the next user, a stale waker finds an epoch that is
  // over.
  owner_.stacks().epoch_of(fiber->index).store(fiber->word.epoch(), std::memory_order_relaxed);
  const std::uint32_t index = fiber->index;
  const bool usual = fiber->usual_stack;
  fiber->state.store(slot_state::idle, std::memory_order_release);
  if (usual) {
    give_stack(index);
  } else {
    owner_.stacks().give(index);
  }
  owner_.fiber_ended(*processor_);
}

std::uint32_t worker::take_stack() noexcept {
  processor& own = *processor_;
  if (own.stacks_cached == 0) return no_stack;
  const std::uint32_t index = own.stack_cache[--own.stacks_cached];
  // Whoever starts one fiber starts another, and that one's control block is cold.
  if (own.stacks_cached != 0) {
    prefetch_for_writing(owner_.stacks().block_at(own.stack_cache[own.stacks_cached - 1]),
                         sizeof(control_block) / cache_line);
  }
  return index;
}

void worker::give_stack(std::uint32_t index) noexcept {
  processor& own = *processor_;
  if (own.stacks_cached == processor::stack_cache_size) {
    // The older half goes back: those are the cold ones.
    constexpr std::uint32_t half = processor::stack_cache_size / 2;
    owner_.stacks().give_some({own.stack_cache.data(), half});
    std::copy(own.stack_cache.begin() + half, own.stack_cache.end(), own.stack_cache.begin());
    own.stacks_cached -= half;
  }
  own.stack_cache[own.stacks_cached++] = index;
}

}  // namespace sluice::rt
