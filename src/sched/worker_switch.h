// worker_switch.h: the switch from fiber to fiber, and between a fiber and the worker's loop.
//
// A fiber that leaves looks for the next one by itself, where that takes no more than a look at the
// next slot and the own queue; all else is the loop's business. Either way it cannot finish its own
// departure, since its context must be saved first:
//
//   leaving fiber   1 enter the gate   2 find the next fiber, or take the loop   3 note itself and
//                   its reason in `departed_`, `departure_`   4 switch, with the worker as message
//   whoever is      5 settle: make the departed one wait, runnable or free [C of park_word.h]
//   arrived at      6 leave the gate (a fiber), or look for work (the loop)
//
// From 1 to 6 the gate is never left, so what a processor owns needs no other protection, and only
// one fiber is ever departed and not settled. Between 3 and 5 the fiber is in no queue: nobody can
// run a stack that is still in use.
//
// Rejected: always going through the loop. Two switches instead of one were a third of a yield.
//
// All of it is inlined into what parks: the CPU predicts returns from a stack of its own, which a
// switch leaves behind, so each return that follows one is mispredicted.
#pragma once

#include "base/bug.h"
#include "sched/tracing.h"
#include "sched/worker.h"

namespace sluice::rt {

#ifdef SLUICE_MIGRATE
inline constexpr bool switches_directly = false;  // the loop sees to it that each one moves
#else
inline constexpr bool switches_directly = true;
#endif

inline void worker::enter_to_leave() noexcept {
  check(enter(), "a fiber left a worker that has lost its processor");
}

// From whatever context `from` is to `next`, which runs from now on. What the C++ runtime keeps for
// exceptions has been saved for whoever is left.
inline void* worker::switch_to_fiber(context& from, sanitizer_fiber& from_sanitizer,
                                     control_block* next, bool from_dies) noexcept {
  processor& own = *processor_;
  current_ = next;
  next->last_processor = own.index;
  next->waiting_for.store(wait_kind::running, std::memory_order_relaxed);
  // relaxed, all: one writer; the monitor and dumps take them as hints.
  own.running.store(next, std::memory_order_relaxed);
  own.count_switch();
  if (trace_ring* const into = own.traced()) [[unlikely]] {
    note_run(*into, *next);
  }
  restore(next->exceptions, thread_exceptions_);
  // Asked here too, since the bounds lie in a cache line that nothing else needs.
  if (sanitizers_active()) [[unlikely]] {
    before_switch(from_sanitizer, next->sanitizer, next->stack_bottom, next->stack_bytes,
                  from_dies);
  }
  return switch_context(from, next->saved, this);
}

// Steps 3 and 4. Without a next fiber it is the loop's turn.
inline void worker::switch_away(control_block* self, control_block* next, departure why) noexcept {
  const bool dies = why == departure::finished;
  if (trace_ring* const into = processor_->traced()) [[unlikely]] {
    note_leave(*into, *self, why);
  }
  departed_ = self;
  departure_ = why;
  save(self->exceptions, thread_exceptions_);
  void* message = nullptr;
  if (next != nullptr) {
    message = switch_to_fiber(self->saved, self->sanitizer, next, dies);
  } else {
    before_switch(self->sanitizer, sanitizer_, stack_bottom_, stack_size_, dies);
    message = switch_context(self->saved, loop_);
  }
  // Not `this`: the fiber may be on another thread now.
  arrive(self, *static_cast<worker*>(message));
}

inline void worker::settle_yield(control_block* fiber) noexcept {
#ifdef SLUICE_MIGRATE
  owner_.make_runnable(fiber);
#else
  // What stood in the queue was published with a wake-up, and `yielding` tells a would-be sleeper
  // of this one (yield_mark.h). But behind a fiber from the next slot there may have been nothing,
  // and nobody may have been told.
  push_tail(fiber);
  const bool behind_next =
      next_taken_ != 0 || processor_->next.load(std::memory_order_relaxed) != nullptr;
  if (behind_next && processor_->queue.has_thieves()) [[unlikely]] {
    owner_.wake_one();
  }
#endif
  if (processor_->queue.has_thieves()) processor_->yielding.end();
}

// Step 5.
inline void worker::settle() noexcept {
  control_block* const fiber = departed_;
  departed_ = nullptr;
  switch (departure_) {
    case departure::yielded:
      settle_yield(fiber);
      return;
    case departure::parked:
      settle_park(fiber);
      return;
    case departure::finished:
      recycle(fiber);
      return;
  }
  bug("a fiber was left without a reason");
}

// Steps 5 and 6 on a fiber's side.
inline void worker::arrive(control_block* self, worker& here) noexcept {
  const bool from_loop = here.departed_ == nullptr;
  // The loop's stack is the thread's own, whose bounds become known so.
  after_switch(self->sanitizer, from_loop ? &here.stack_bottom_ : nullptr,
               from_loop ? &here.stack_size_ : nullptr);
  if (!from_loop) here.settle();
  here.gate_.leave();
}

// Step 2.
inline control_block* worker::at_hand() noexcept {
  // The loop does the periodic look.
  if (!switches_directly || until_look_ <= 1) return nullptr;
  control_block* const found = take_local();
  if (found != nullptr) --until_look_;
  return found;
}

inline control_block* worker::take_local() noexcept {
  processor& own = *processor_;
  if (control_block* const next = own.next.load(std::memory_order_relaxed); next != nullptr) {
    own.next.store(nullptr, std::memory_order_relaxed);
    if (next_taken_ < next_budget || switched.no_next_budget) [[likely]] {
      ++next_taken_;
      return next;
    }
    // Two fibers that keep waking each other have had their turn. If one is popped before it, a
    // thief was woken for that one, and finds this.
    push_tail(next);
  }
  next_taken_ = 0;
  run_queue::aside beside;
  control_block* const fiber = own.queue.pop(beside);
  if (beside.any) [[unlikely]] {
    attend(beside);
  }
  return fiber;
}

inline void worker::leave(control_block* self, departure why) noexcept {
  worker& from = *current_worker();
  from.enter_to_leave();
  from.switch_away(self, from.at_hand(), why);
}

// The loop's side.
inline void worker::run_fiber(control_block* fiber) noexcept {
  save(loop_exceptions_, thread_exceptions_);
  switch_to_fiber(loop_, sanitizer_, fiber, false);
  // Another fiber than the one that was switched to may have come back.
  after_switch(sanitizer_, nullptr, nullptr);
  restore(loop_exceptions_, thread_exceptions_);
  processor_->running.store(nullptr, std::memory_order_relaxed);
  current_ = nullptr;
  settle();
}

}  // namespace sluice::rt
