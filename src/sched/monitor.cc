#include "sched/monitor.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/unseen.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/signals.h"
#include "os/thread_number.h"
#include "sched/deliver.h"
#include "sched/fiber_dump.h"
#include "sched/timers.h"
#include "sched/wait_circle.h"

namespace sluice::rt {
namespace {

// A burst's stacks stay warm for a second; beyond what was used since, they are given back.
constexpr std::int64_t trim_interval = 1'000'000'000;
// What an idle program keeps: enough for the next small burst, 1 MiB of touched pages.
constexpr std::size_t warm_when_idle = 256;

// Who waits for each other in a circle is searched for now and then, and before it falls asleep;
// not among those that have only just begun to wait.
constexpr std::int64_t search_interval = 10'000'000'000;
constexpr std::int64_t least_wait = 500'000'000;

}  // namespace

monitor::monitor(runtime& owner)
    : owner_(owner),
      state_(states_[owner.id().place]),
      last_switches_(owner.processors().size(), 0) {
  // seq_cst: before its thread and every worker.
  state_.store(watching, std::memory_order_seq_cst);
  thread_ = std::thread([this] { watch(); });
}

monitor::~monitor() {
  // seq_cst: the last word; whoever wakes it afterwards changes nothing.
  state_.store(ended, std::memory_order_seq_cst);
  os::futex_wake(&state_, 1);
  thread_.join();
}

// Called by a signal's handler: nothing in it is announced to a sanitizer, whose own state the
// signal may have interrupted. So wake_all.
SLUICE_UNSEEN void monitor::wake(state_word& which) noexcept {
  std::uint32_t expected = asleep;
  // seq_cst: pairs with [A]; one waker is enough.
  if (which.compare_exchange_strong(expected, watching, std::memory_order_seq_cst,
                                    std::memory_order_seq_cst)) {
    os::futex_wake(&which, 1);
  }
}

SLUICE_UNSEEN void monitor::wake_all() noexcept {
  for (state_word& each : states_) wake(each);
}

void monitor::watch() noexcept {
  // The user's signals are for the user's threads and the workers.
  os::block_signals();
  idle_since_ = last_trim_ = last_search_ = os::monotonic_now();
  // acquire: pairs with the destructor.
  while (state_.load(std::memory_order_acquire) != ended) {
    owner_.count_look();
    const bool anybody_stuck = look();
    const std::int64_t now = os::monotonic_now();
    report_late_fibers(now);
    dump_on_request();
    if (!all_idle()) idle_since_ = now;
    const bool calm = now - idle_since_ >= idle_before_sleep && !owner_.stopping();
    trim_stacks(now, calm);
    report_circles(now, calm);
    if (!calm) {
      pause(now + (anybody_stuck ? alert_interval : calm_interval), watching);
      continue;
    }
    report_deadlock();
    std::uint32_t expected = watching;
    if (!state_.compare_exchange_strong(expected, asleep, std::memory_order_seq_cst)) break;  // [A]
    std::atomic_thread_fence(std::memory_order_seq_cst);
    // A quit signal may have come before anybody could see us asleep.
    dump_on_request();
    if (all_idle() && !owner_.stopping()) pause(poll_forever, asleep);
    expected = asleep;
    state_.compare_exchange_strong(expected, watching, std::memory_order_seq_cst);
    idle_since_ = os::monotonic_now();
  }
}

void monitor::pause(std::int64_t until, std::uint32_t expected) noexcept {
  if (until == poll_forever) {
    os::futex_wait(state_, expected);
  } else {
    (void)os::futex_wait_until(state_, expected, until);
  }
}

bool monitor::all_idle() noexcept {
  return owner_.idle().idle_count() == owner_.processors().size();
}

// One look at every processor. Returns whether one has been in the same fiber since the last look.
bool monitor::look() noexcept {
  bool anybody_stuck = false;
  const std::int64_t now = os::monotonic_now();
  for (processor& each : owner_.processors()) {
    // relaxed, all: a guess that the next look corrects.
    const std::uint64_t switches = each.switches.load(std::memory_order_relaxed);
    const bool stuck = each.running.load(std::memory_order_relaxed) != nullptr &&
                       switches == last_switches_[each.index];
    last_switches_[each.index] = switches;
    if (!stuck) continue;
    anybody_stuck = true;
    each.stuck_at.store(switches, std::memory_order_relaxed);
    if (has_waiting_work(each, now)) relieve(each, now);
  }
  return anybody_stuck;
}

bool monitor::has_waiting_work(processor& of, std::int64_t now) noexcept {
  return of.queue.size() != 0 || of.next.load(std::memory_order_relaxed) != nullptr ||
         owner_.queue().size() != 0 || of.earliest.load(std::memory_order_relaxed) <= now ||
         of.registered.load(std::memory_order_relaxed) != 0;
}

// An idle worker does it; when nobody is idle, timers and reports go to the global queue, which
// busy workers look at.
void monitor::relieve(processor& stuck, std::int64_t now) noexcept {
  if (owner_.idle().idle_count() != 0) {
    owner_.wake_one();
    return;
  }
  control_block* due[expiry_batch];
  const expired_timers expired = expire_timers(owner_, stuck, now, due);
  for (std::uint32_t i = 0; i < expired.runnable; ++i) owner_.make_runnable(due[i]);
  if (stuck.registered.load(std::memory_order_relaxed) == 0 || !stuck.try_lock_shard()) return;
  report_list reports;
  stuck.shard->wait(poll_without_blocking, reports);
  stuck.unlock_shard();
  processor_counters::add_shared(owner_.outside().polls);
  processor_counters::add_shared(owner_.outside().reports, reports.size());
  for (const report& item : reports) {
    const delivered woken = deliver(owner_, item);
    for (control_block* fiber : {woken.reader, woken.writer}) {
      if (fiber != nullptr) owner_.make_runnable(fiber);
    }
  }
}

void monitor::trim_stacks(std::int64_t now, bool going_to_sleep) noexcept {
  if (going_to_sleep) {
    (void)owner_.stacks().trim(warm_when_idle);
  } else if (now - last_trim_ >= trim_interval) {
    last_trim_ = now;
    (void)owner_.stacks().trim_unused();
  }
}

void monitor::say(const char* headline) noexcept try {
  std::fprintf(stderr, "sluice: %s\n", headline);
  dump_fibers(owner_, stderr_sink(), {.backtraces = true});
  (void)std::fflush(stderr);
} catch (const std::bad_alloc&) {
  std::fputs("sluice: there is no memory to tell more\n", stderr);
}

// Everything in here has been idle for a while, and no timer is armed: would anybody ever wake
// somebody? A thread that is not ours might; so this ends the program only if there is none, or if
// that is asked for.
void monitor::report_deadlock() noexcept {
  if (owner_.options().deadlocks == deadlock_reports::never) return;
  // Who comes from outside may wake somebody: a plain thread, or a fiber of another runtime.
  if (owner_.is_embedded() || running_count() != 1) return;
  if (owner_.options().deadlocks == deadlock_reports::when_alone) {
    // The workers, which include the thread that called run(), and this one.
    const std::uint32_t ours = static_cast<std::uint32_t>(owner_.processors().size()) + 1;
    if (os::thread_count() != ours) return;
  }
  const std::uint64_t before = total_switches();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!all_idle() || has_timers()) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!all_wait_for_each_other(owner_)) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Whoever ran meanwhile has switched to a fiber before it became idle again: then what was seen
  // was not of one moment. The fences order the looks, and pair with the idle bits' seq_cst
  // changes.
  if (!all_idle() || has_timers() || total_switches() != before) return;
  say("all fibers are asleep - deadlock!");
  std::_Exit(2);
}

// A part of the program may be stuck while the rest goes on.
void monitor::report_circles(std::int64_t now, bool going_to_sleep) noexcept try {
  if (owner_.options().deadlocks == deadlock_reports::never || owner_.stopping()) return;
  if (!going_to_sleep && now - last_search_ < search_interval) return;
  last_search_ = now;
  for (const wait_circle& circle : find_wait_circles(owner_, now - least_wait)) {
    const std::uint64_t least = std::ranges::min(circle, {}, &fiber_snapshot::number).number;
    if (std::ranges::find(reported_circles_, least) != reported_circles_.end()) continue;
    reported_circles_.push_back(least);
    std::fputs("sluice: these fibers wait for each other in a circle - deadlock:\n", stderr);
    dump_fibers(owner_, stderr_sink(), circle);
    (void)std::fflush(stderr);
  }
} catch (const std::bad_alloc&) {
  // The next search may have the memory.
}

bool monitor::has_timers() noexcept {
  return std::ranges::any_of(owner_.processors(), [](const processor& each) {
    return each.earliest.load(std::memory_order_seq_cst) != timer_word::time_limit;
  });
}

std::uint64_t monitor::total_switches() noexcept {
  std::uint64_t sum = 0;
  // relaxed: see report_deadlock.
  for (const processor& each : owner_.processors()) {
    sum += each.switches.load(std::memory_order_relaxed);
  }
  return sum;
}

void monitor::dump_on_request() noexcept try {
  if (!owner_.options().dump_on_quit) return;
  if (os::take_signal(std::uint64_t{1} << (os::quit_signal - 1)) == 0) return;
  std::fputs("sluice: all fibers:\n", stderr);
  dump_all_runtimes(stderr_sink(), {.backtraces = true});
  (void)std::fflush(stderr);
} catch (const std::bad_alloc&) {
  std::fputs("sluice: there is no memory to tell more\n", stderr);
}

void monitor::report_late_fibers(std::int64_t now) noexcept {
  if (reported_late_ || !owner_.stopping()) return;
  if (stopping_since_ == 0) stopping_since_ = now;
  if (now - stopping_since_ < owner_.options().stop_grace.count()) return;
  reported_late_ = true;
  say("these fibers have not ended yet although they were asked to stop:");
}

}  // namespace sluice::rt
