// worker.h: an operating-system thread that runs fibers: find one, run it until it leaves, see to
// what it left for, look again. Where the next fiber is plain to see, the one that leaves switches
// to it by itself, without the loop (worker_switch.h).
//
// The work-finding order, each step a function of its own:
//   1 next_slot, within its budget         5 poll the own shard without waiting
//   2 the own queue                        6 steal: half a queue; from stuck processors also next
//   3 the global queue, on its turn          slots, due timers, and what their shards report
//   4 due timers                           7 sleep in the own shard, if wished after some polls
// Every `look_interval` switches a busy worker looks at the clock: timers that are due run, and if
// `look_period` has passed since the last poll, it polls and takes from the global queue, so that
// neither a ready socket nor a plain thread's work waits behind fibers that keep each other busy.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bug.h"
#include "base/rng.h"
#include "fiber/context.h"
#include "fiber/eh_globals.h"
#include "fiber/sanitizer.h"
#include "sched/gate.h"
#include "sched/processor.h"
#include "sched/runtime.h"
#include "sched/worker_tls.h"

namespace sluice::rt {

// What the fiber left for, told to the worker that it leaves.
enum class departure : std::uint8_t { parked, yielded, finished };

class worker {
 public:
  worker(runtime& owner, processor& own) noexcept;
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  // The thread's whole life as a worker.
  void run();

  // Fiber side: leaves the fiber; returns when it runs again, possibly on another worker, outside
  // the gate. Never returns for `finished`.
  [[gnu::always_inline]] static void leave(control_block* self, departure why) noexcept;
  // Fiber side: lets the others of this processor run first. `here` has just been asked for.
  static void yield(worker& here) noexcept;
  // Fiber side, first thing on a new stack, with the message of the switch that led there.
  [[gnu::always_inline]] static void arrive(control_block* self, worker& here) noexcept;

  // Fiber side, between enter and leave: true: this worker's processor may be touched.
  [[nodiscard]] bool enter() noexcept { return gate_.enter(symmetric_) || await_processor(); }
  void leave_gate() noexcept { gate_.leave(); }

  // Another worker: takes the next slot's fiber, if this one is outside the gate. Costs a
  // membarrier: for what is stuck only.
  [[nodiscard]] control_block* give_up_next() noexcept;

  // Inside the gate: a fiber that is to run soon. True: others should be told.
  [[nodiscard]] bool push_next(control_block* fiber) noexcept {
    control_block* const displaced = processor_->next.load(std::memory_order_relaxed);
    processor_->next.store(fiber, std::memory_order_relaxed);
    if (displaced == nullptr) return false;
    push_tail(displaced);
    return true;
  }
  void push_tail(control_block* fiber) noexcept {
    fiber->waiting_for.store(wait_kind::runnable, std::memory_order_relaxed);
    requeue(fiber);
  }

  [[nodiscard]] control_block* current() const noexcept { return current_; }
  [[nodiscard]] processor& own() noexcept { return *processor_; }
  [[nodiscard]] runtime& owner() noexcept { return owner_; }

#ifdef SLUICE_MIGRATE
  // Any thread: `fiber` is to resume on `to`.
  static void post(processor& to, control_block* fiber) noexcept;
#endif

  // Inside the gate: the index of a warm stack of the default size, or no_stack.
  static constexpr std::uint32_t no_stack = 0;
  [[nodiscard]] std::uint32_t take_stack() noexcept;
  void give_stack(std::uint32_t index) noexcept;

 private:
  static constexpr std::uint32_t look_interval = 64;
  static constexpr std::int64_t look_period = 100'000;  // ns; design: 100 us
  // How often the next slot may be taken in a row before the queue gets its turn. Go gives the pair
  // one time slice of 10 ms; a count needs no clock.
  static constexpr std::uint32_t next_budget = 16;

  // The processor was taken, to be given back at once: by give_up_next.
  [[nodiscard]] bool await_processor() noexcept;

  // The switch; worker_switch.h. Inside the gate, all.
  [[gnu::always_inline]] void enter_to_leave() noexcept;
  [[gnu::always_inline]] void switch_away(control_block* self, control_block* next,
                                          departure why) noexcept;
  [[gnu::always_inline]] void* switch_to_fiber(context& from, sanitizer_fiber& from_sanitizer,
                                               control_block* next, bool from_dies) noexcept;
  [[nodiscard]] control_block* at_hand() noexcept;
  [[gnu::always_inline]] void run_fiber(control_block* fiber) noexcept;

  // What the departed fiber asked for; worker_settle.cc.
  [[gnu::always_inline]] void settle() noexcept;
  [[gnu::always_inline]] void settle_yield(control_block* fiber) noexcept;
  void settle_park(control_block* fiber) noexcept;
  void recycle(control_block* fiber) noexcept;

  // As push_tail, for what was runnable before: does not touch the fiber.
  void requeue(control_block* fiber) noexcept {
    if (!processor_->queue.push(fiber)) [[unlikely]] {
      spill(fiber);
    }
  }
  void spill(control_block* fiber) noexcept;
  [[nodiscard]] control_block* find_work() noexcept;
  [[nodiscard]] control_block* take_inbox() noexcept;
#ifdef SLUICE_MIGRATE
  [[nodiscard]] control_block* take_inbox_of(processor& of) noexcept;
#endif
  [[nodiscard]] control_block* next_local() noexcept;
  [[nodiscard]] control_block* take_local() noexcept;
  void attend(const run_queue::aside& beside) noexcept;
  static void prefetch(const run_queue::aside& coming) noexcept;
  void periodic_look() noexcept;
  void mark_queue(std::int64_t now) noexcept;
  void unmark_queue() noexcept;
  [[nodiscard]] control_block* take_global() noexcept;
  [[nodiscard]] std::uint32_t room_in_queue() const noexcept;
  // Each true: something became runnable in the own queue.
  bool expire_own() noexcept;
  bool expire_timers_into(processor& of) noexcept;
  bool poll_own() noexcept;
  bool poll_without_waiting(processor& which) noexcept;
  bool deliver_reports() noexcept;
  void note_poll_of(bool may_sleep) noexcept;
  void share_work() noexcept;
  [[nodiscard]] bool work_elsewhere() noexcept;
  [[nodiscard]] control_block* steal() noexcept;
  [[nodiscard]] control_block* steal_from(processor& victim) noexcept;
  [[nodiscard]] control_block* relieve(processor& stuck) noexcept;
  void stop_spinning() noexcept;
  [[nodiscard]] bool spin() noexcept;
  void sleep() noexcept;
  void after_sleep() noexcept;
  [[nodiscard]] bool anything_to_do(std::int64_t until) noexcept;
  [[nodiscard]] bool inbox_waits() const noexcept;

  runtime& owner_;
  const bool symmetric_;  // the gate's form
  processor* processor_;
  control_block* current_ = nullptr;
  control_block* departed_ = nullptr;  // the fiber that is being left, until it is settled
  departure departure_ = departure::parked;
  bool spinning_ = false;
  bool relieved_ = false;      // has looked after stuck processors since its last sleep
  bool queue_marked_ = false;  // see mark_queue, as `mark_` and `marked_at_`
  std::uint32_t next_taken_ = 0;
  std::uint32_t until_look_ = look_interval;
  std::int64_t last_poll_ = 0;
  xorshift random_;

  context loop_;
  eh_globals loop_exceptions_{};
  eh_globals* thread_exceptions_ = nullptr;
  sanitizer_fiber sanitizer_{};
  const void* stack_bottom_ = nullptr;
  std::size_t stack_size_ = 0;
  gate gate_;
  std::uint32_t mark_ = 0;
  std::int64_t marked_at_ = 0;
  report_list reports_;
};

}  // namespace sluice::rt
