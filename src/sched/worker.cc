#include "sched/worker.h"

#include <mutex>
#include <optional>
#include <thread>

#include "base/bug.h"
#include "base/prefetch.h"
#include "fiber/overflow.h"
#include "os/clock.h"
#include "os/membarrier.h"
#include "os/relax.h"
#include "sched/deliver.h"
#include "sched/monitor.h"
#include "sched/timers.h"
#include "sched/tracing.h"
#include "sched/worker_switch.h"
#include "sched/worker_tls.h"

namespace sluice::rt {

worker::worker(runtime& owner, processor& own) noexcept
    : owner_(owner),
      symmetric_(owner.symmetric_gate()),
      processor_(&own),
      random_(0x9e3779b97f4a7c15u * (own.index + 1)) {
  own.holder = this;
}

// In a long queue each fiber is cold, and its pages are in no translation cache. Two steps, so that
// where the next one's stack ends is known without waiting: the control block of the second, and
// the frames of the next, from its stack pointer up. A new one's first frame lies below that.
void worker::prefetch(const run_queue::aside& coming) noexcept {
  constexpr std::size_t block_lines = sizeof(control_block) / cache_line;
  prefetch_for_writing(coming.second, 1);
  // Its owner may be another worker by now, so what is read here may be stale, even 0, which is no
  // harm: hence numbers, and a bound. But it would be a race to ThreadSanitizer.
  if constexpr (!tsan_instrumented) {
    constexpr std::size_t lines_below = 2;
    constexpr std::size_t most_lines = 24;
    const auto block = reinterpret_cast<std::uintptr_t>(coming.next);
    const auto end = reinterpret_cast<std::uintptr_t>(coming.next->saved.stack_pointer);
    const std::size_t lines = (block - end) / cache_line + block_lines + lines_below;
    prefetch_for_writing(end - lines_below * cache_line, std::min(lines, most_lines));
  }
}

// ---- the loop

void worker::run() {
  set_current_worker(this);
  thread_exceptions_ = thread_eh_globals();
  sanitizer_adopt_thread(sanitizer_);
  std::optional<alternate_stack> signal_stack;
  if (owner_.options().report_stack_overflow) signal_stack.emplace();
  check(enter(), "a new worker's processor was taken");
  while (control_block* fiber = find_work()) run_fiber(fiber);
  gate_.leave();
  set_current_worker(nullptr);
}

bool worker::await_processor() noexcept {
  do {
    os::relax();
  } while (!gate_.enter(symmetric_));
  return true;
}

// The monitor's recipe of gate.h, for one slot.
control_block* worker::give_up_next() noexcept {
  if (processor_->next.load(std::memory_order_relaxed) == nullptr || !gate_.ask()) return nullptr;
  if (!symmetric_) os::membarrier();
  if (!gate_.finish_ask()) return nullptr;
  control_block* const fiber = processor_->next.load(std::memory_order_relaxed);
  processor_->next.store(nullptr, std::memory_order_relaxed);
  gate_.reset();
  return fiber;
}

// ---- queues

// Half of a full queue goes to the global one, and `fiber` behind it.
void worker::spill(control_block* fiber) noexcept {
  control_block* spilled[run_queue::capacity / 2 + 1];
  std::uint32_t count = processor_->queue.take_half(spilled, run_queue::capacity / 2);
  spilled[count++] = fiber;
  owner_.queue().push(spilled, count);
}

// ---- the migrate build's inbox

#ifdef SLUICE_MIGRATE

void worker::post(processor& to, control_block* fiber) noexcept {
  fiber->next = nullptr;
  const std::lock_guard guard(to.inbox_lock);
  (to.inbox_last != nullptr ? to.inbox_last->next : to.inbox_first) = fiber;
  to.inbox_last = fiber;
  // seq_cst: the sleeper's second look must see it, or the poster its idle bit.
  to.inbox_size.fetch_add(1, std::memory_order_seq_cst);
}

control_block* worker::take_inbox() noexcept { return take_inbox_of(*processor_); }

// Anybody may empty the inbox of a stuck processor, but for fibers that would stay where they were.
control_block* worker::take_inbox_of(processor& of) noexcept {
  if (of.inbox_size.load(std::memory_order_seq_cst) == 0) return nullptr;
  const std::lock_guard guard(of.inbox_lock);
  control_block* const first = of.inbox_first;
  if (first == nullptr || (&of != processor_ && first->last_processor == processor_->index)) {
    return nullptr;
  }
  of.inbox_first = first->next;
  if (of.inbox_first == nullptr) of.inbox_last = nullptr;
  of.inbox_size.fetch_sub(1, std::memory_order_seq_cst);
  return first;
}

bool worker::inbox_waits() const noexcept {
  return processor_->inbox_size.load(std::memory_order_seq_cst) != 0;
}

#else

control_block* worker::take_inbox() noexcept { return nullptr; }
bool worker::inbox_waits() const noexcept { return false; }

#endif

// ---- finding work

control_block* worker::find_work() noexcept {
  relieved_ = false;
  for (;;) {
    control_block* found = take_inbox();
    if (found == nullptr) found = next_local();
    if (found == nullptr && queue_marked_) unmark_queue();
    if (found == nullptr) found = take_global();
    if (found == nullptr) {
      owner_.give_share_back(*processor_);
      if (owner_.finished()) return nullptr;
      if (expire_own()) continue;
      if (work_elsewhere()) {
        if (poll_own()) continue;
        found = steal();
      }
    }
    if (found != nullptr) {
      stop_spinning();
      return found;
    }
    if (!spin()) sleep();
  }
}

control_block* worker::next_local() noexcept {
  if (--until_look_ == 0) periodic_look();
  return take_local();
}

void worker::periodic_look() noexcept {
  until_look_ = look_interval;
  if (switched.no_periodic_look) return;
  (void)expire_own();
  const std::int64_t now = os::monotonic_now();
  if (now - last_poll_ < look_period) return;
  last_poll_ = now;
  // What waits in the global queue is older than what the poll brings.
  if (control_block* fiber = take_global()) push_tail(fiber);
  (void)poll_own();
  mark_queue(now);
}

// How long does a fiber wait in the queue? A look that has polled, once in `look_period` at most,
// marks who stands last, and the pop that takes that one tells. So the clock is read once more in
// that period, and a pop costs what it did before unless there is a mark. An empty queue is an
// answer too. Next slots are passed by, and so is whom a thief or a spill takes first.
//
// Rejected: a time stamp for each fiber, or for one in N. A look at the clock takes three yields
// (64 and 22 ns), and a stamp is another write to a cold control block.
void worker::mark_queue(std::int64_t now) noexcept {
  run_queue& queue = processor_->queue;
  if (queue_marked_) return;  // a long queue: the last mark is still in it
  if (queue.begin() == queue.end()) return processor_->queue_delay.add(0);
  queue_marked_ = true;
  queue.attend_to_pops(true);
  mark_ = queue.end();
  marked_at_ = now;
}

void worker::unmark_queue() noexcept {
  queue_marked_ = false;
  processor_->queue.attend_to_pops(false);
}

// Behind a pop, while there is a mark or in a long queue.
void worker::attend(const run_queue::aside& beside) noexcept {
  if (beside.next != nullptr) prefetch(beside);
  if (!queue_marked_) return;
  // Positions wrap. Beyond the mark: somebody else has taken that one.
  const auto past = static_cast<std::int32_t>(processor_->queue.begin() - mark_);
  if (past < 0) return;
  if (past == 0) processor_->queue_delay.add(os::monotonic_now() - marked_at_);
  unmark_queue();
}

control_block* worker::take_global() noexcept {
  const std::uint32_t size = owner_.queue().size();
  if (size == 0) return nullptr;
  control_block* taken[run_queue::capacity / 2];
  const auto share = static_cast<std::uint32_t>(size / owner_.processors().size() + 1);
  // One at least, or a full queue of fibers that yield would starve the rest.
  const std::uint32_t room = std::max(room_in_queue() / 2, 1u);
  const std::uint32_t count = owner_.queue().take(taken, std::min(share, room));
  for (std::uint32_t i = 1; i < count; ++i) requeue(taken[i]);
  return count != 0 ? taken[0] : nullptr;
}

bool worker::expire_own() noexcept {
  // relaxed: the owner's own heap; another's arming signals a sleeper, and a busy one looks again.
  if (processor_->earliest.load(std::memory_order_relaxed) >= timer_word::time_limit) return false;
  if (!expire_timers_into(*processor_)) return false;
  share_work();
  return true;
}

bool worker::expire_timers_into(processor& of) noexcept {
  control_block* due[expiry_batch];
  bool any = false;
  for (;;) {
    trace_ring* const into = processor_->traced();
    const expired_timers batch = expire_timers(owner_, of, os::monotonic_now(), due);
    for (std::uint32_t i = 0; i < batch.runnable; ++i) owner_.make_runnable_last(due[i]);
    if (into != nullptr && batch.runnable != 0) [[unlikely]] {
      note_timers(*into, batch.runnable);
    }
    any = any || batch.runnable != 0;
    if (!batch.more) return any;
  }
}

// What would not fit pushes the older half of the queue out, behind everything in the global queue:
// with ten thousand busy connections, some would then wait ten times as long as others. So a poll
// brings what there is room for, and some in any case; the rest stays where it stands in line, in
// the kernel's list.
std::uint32_t worker::room_in_queue() const noexcept {
  return run_queue::capacity - processor_->queue.size();
}

bool worker::poll_own() noexcept {
  if (processor_->registered.load(std::memory_order_relaxed) == 0) return false;
  return poll_without_waiting(*processor_);
}

bool worker::poll_without_waiting(processor& which) noexcept {
  constexpr std::uint32_t in_any_case = 16;
  if (!which.try_lock_shard()) return false;
  reports_.clear(switched.no_room_for_polls ? report_list::capacity
                                            : std::max(room_in_queue(), in_any_case));
  note_poll_of(false);
  gate_.become(gate_state::polling);
  which.shard->wait(poll_without_blocking, reports_);
  gate_.become(gate_state::runtime);
  which.unlock_shard();
  processor_counters::add(processor_->counters.polls);
  return deliver_reports();
}

void worker::note_poll_of(bool may_sleep) noexcept {
  if (trace_ring* const into = processor_->traced()) [[unlikely]] {
    note_poll_begin(*into, may_sleep);
  }
}

bool worker::deliver_reports() noexcept {
  if (trace_ring* const into = processor_->traced()) [[unlikely]] {
    note_poll_end(*into, reports_.size());
  }
  processor_counters::add(processor_->counters.reports, reports_.size());
  bool any = false;
  for (const report& item : reports_) {
    const auto woken = deliver(owner_, item);
    for (control_block* fiber : {woken.reader, woken.writer}) {
      if (fiber == nullptr) continue;
      owner_.make_runnable_last(fiber);
      any = true;
    }
  }
  share_work();
  return any;
}

// For what was queued without a wake-up: this worker runs one of them itself.
void worker::share_work() noexcept {
  if (processor_->queue.size() > 1) owner_.wake_one();
}

control_block* worker::steal() noexcept {
  const auto all = owner_.processors();
  if (!spinning_) {
    const auto busy = static_cast<std::uint32_t>(all.size()) - owner_.idle().idle_count();
    if (!owner_.idle().start_spinning(busy)) return nullptr;
    spinning_ = true;
  }
  const std::uint32_t start = random_.below(static_cast<std::uint32_t>(all.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    processor& victim = all[(start + i) % all.size()];
    if (&victim == processor_) continue;
    if (control_block* fiber = steal_from(victim)) return fiber;
  }
  return nullptr;
}

control_block* worker::steal_from(processor& victim) noexcept {
  control_block* taken[run_queue::capacity / 2];
  const std::uint32_t count = victim.queue.take_half(taken, run_queue::capacity / 2);
  if (count == 0) return victim.is_stuck() ? relieve(victim) : nullptr;
  if (trace_ring* const into = processor_->traced()) [[unlikely]] {
    note_steal(*into, victim.index, count);
  }
  processor_counters::add(processor_->counters.steals, count);
  for (std::uint32_t i = 1; i < count; ++i) push_tail(taken[i]);
  return taken[0];
}

// What a processor that has been in one fiber for a while cannot do for itself. Once between two
// sleeps: the monitor calls again as long as it lasts, so nobody spins over it.
control_block* worker::relieve(processor& stuck) noexcept {
  relieved_ = true;
#ifdef SLUICE_MIGRATE
  if (control_block* posted = take_inbox_of(stuck)) return posted;
#endif
  if (control_block* next = stuck.holder->give_up_next()) {
    processor_counters::add(processor_->counters.steals);
    if (trace_ring* const into = processor_->traced()) [[unlikely]] {
      note_steal(*into, stuck.index, 1);
    }
    return next;
  }
  (void)expire_timers_into(stuck);
  if (stuck.registered.load(std::memory_order_relaxed) != 0) (void)poll_without_waiting(stuck);
  return processor_->queue.pop();
}

bool worker::work_elsewhere() noexcept {
  for (const processor& other : owner_.processors()) {
    if (&other == processor_) continue;
    if (other.queue.size() != 0) return true;
    if (!relieved_ && other.is_stuck()) return true;
  }
  return false;
}

void worker::stop_spinning() noexcept {
  if (!spinning_) return;
  spinning_ = false;
  // The last spinner's duty; see idle_set.h.
  if (owner_.idle().leave_spinning()) owner_.wake_one();
}

// run_options::spin. Not counted among the spinners of idle_set.h: those look for work of other
// processors, and a waker relies on them. True: look again.
bool worker::spin() noexcept {
  constexpr std::int64_t longest = 1'000'000'000;
  const std::int64_t time = std::min<std::int64_t>(owner_.options().spin.count(), longest);
  // relaxed: a hint.
  if (time <= 0 || processor_->registered.load(std::memory_order_relaxed) == 0) return false;
  // The monitor calls only sleepers to a stuck processor.
  if (relieved_) return false;
  if (spinning_) {
    // Without stop_spinning's duty, which is for who has found work: each that finds none would
    // wake the next, for ever. No work is missed, since every way out of here looks again.
    spinning_ = false;
    (void)owner_.idle().leave_spinning();
  }
  const std::int64_t until = os::monotonic_now() + time;
  do {
    if (poll_own() || expire_own()) return true;
    if (owner_.finished() || owner_.queue().size() != 0 || inbox_waits()) return true;
    if (work_elsewhere()) return true;
  } while (os::monotonic_now() < until);
  return false;
}

// ---- sleeping: the sleeper's steps of idle_set.h

void worker::sleep() noexcept {
  processor& own = *processor_;
  if (!own.try_lock_shard()) {  // 0; somebody is polling it for us, without waiting
    std::this_thread::yield();
    return;
  }
  owner_.idle().publish(own.index, spinning_);  // 1
  spinning_ = false;
  const std::int64_t until = own.earliest.load(std::memory_order_seq_cst);
  own.sleep_until.store(until, std::memory_order_seq_cst);
  reports_.clear();
  const bool stay_awake = anything_to_do(until);  // 2
  if (!stay_awake) {
    note_poll_of(true);
    gate_.become(gate_state::polling);
    own.shard->wait(until >= timer_word::time_limit ? poll_forever : until, reports_);  // 3
    gate_.become(gate_state::runtime);
  }
  own.sleep_until.store(processor::awake, std::memory_order_seq_cst);
  spinning_ = !owner_.idle().retract(own.index);  // 4
  own.unlock_shard();
  if (stay_awake) {
    if (!spinning_) {
      owner_.idle().join_spinning();
      spinning_ = true;
    }
    return;
  }
  after_sleep();
}

void worker::after_sleep() noexcept {
  processor& own = *processor_;
  processor_counters::add(own.counters.polls);
  processor_counters::add(own.counters.sleeps);
  if (spinning_) processor_counters::add(own.counters.wakeups);
  relieved_ = false;
  if (owner_.watcher() != nullptr) owner_.watcher()->processor_woke();
  (void)deliver_reports();
}

// The sleeper's second look. Next slots are left out: their owner is awake and runs them.
bool worker::anything_to_do(std::int64_t until) noexcept {
  if (owner_.finished() || owner_.queue().size() != 0 || inbox_waits()) return true;
  // An arming that came after `until` was read has seen sleep_until, or is seen here.
  if (processor_->earliest.load(std::memory_order_seq_cst) < until) return true;
  for (const processor& other : owner_.processors()) {
    if (other.has_queued()) return true;
  }
  return false;
}

}  // namespace sluice::rt
