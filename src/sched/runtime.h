// runtime.h: everything that lives from run() to its return, or as long as a sluice::runtime.
//
// Lock ranks, taken in this order only: timer_lock, then nothing; inbox_lock, then nothing; the
// global queue's lock, then nothing. `tracing_` is taken by who starts and stops a trace, and
// before nothing but the count of traces. No runtime lock is held across a switch, a system call or
// user code.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "fiber/stack_pool.h"
#include "poller/poll_table.h"
#include "poller/poller_backends.h"
#include "sched/global_queue.h"
#include "sched/idle_set.h"
#include "sched/processor.h"
#include "sched/runtimes.h"
#include "sluice/run.h"

namespace sluice::rt {

class worker;
class monitor;
class trace_ring;
struct trace_rings;

// What tests switch off or replace to see a rule's absence; never set in programs.
struct test_switches {
  bool no_next_budget = false;     // the next slot is taken for ever
  bool no_periodic_look = false;   // no look at clock, poller and global queue while busy
  bool no_room_for_polls = false;  // a poll brings more than the queue has room for
  bool no_fair_share = false;      // a call that need not wait never lets others in
  bool symmetric_gate = false;     // as if the system had no membarrier
  // How often a fiber that parks gives back the stack below its frames, in ns of age.
  std::int64_t trim_interval = 1'000'000'000;
  // Makes the shards instead of the backend that was chosen.
  result<std::unique_ptr<poller>> (*make_shard)() = nullptr;
};
extern test_switches switched;

class runtime {
 public:
  explicit runtime(const run_options& options);
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  ~runtime();

  // Runs main(argument) as the first fiber on this thread and the others; returns when every fiber
  // has ended.
  void run(void (*main)(void* argument), void* argument, const std::source_location& where);

  // Runs without a first fiber and with all workers on threads of its own, until end(), which asks
  // every fiber to stop and returns when all have ended.
  void begin();
  void end() noexcept;
  // Fibers may come from outside at any time.
  [[nodiscard]] bool is_embedded() const noexcept { return embedded_; }

  // Makes a fiber runnable, from wherever the caller is: a fiber, a worker's loop, a plain thread.
  void make_runnable(control_block* fiber) noexcept;

  // The same for a worker's loop that makes many runnable: each goes behind the last one, and the
  // caller wakes others once for all.
  void make_runnable_last(control_block* fiber) noexcept;

  // Publishes the work first; wakes one sleeping worker if there is one and nobody is looking.
  void wake_one() noexcept;
  // Makes one particular processor's sleeper look again.
  void signal(processor& which) noexcept;

  // Asks every fiber to stop, and those that come. Any thread.
  void stop_all() noexcept;
  [[nodiscard]] bool stopping() const noexcept {
    // seq_cst: pairs with stop_all's store; see control_block.h [S1] [S2].
    return stopping_.load(std::memory_order_seq_cst);
  }
  // Stopped by stop_all.
  [[nodiscard]] std::stop_token stop_token() const noexcept { return stop_source_.get_token(); }
  // True once the last fiber has ended: workers leave.
  [[nodiscard]] bool finished() const noexcept {
    // seq_cst: part of the sleeper's second look; pairs with fiber_ended's store.
    return finished_.load(std::memory_order_seq_cst);
  }

  [[nodiscard]] const runtime_id& id() const noexcept { return place_.id(); }

  // A number for a new fiber, never given twice. The first form is for the owner of `at`, inside
  // the gate; so are those below.
  [[nodiscard]] std::uint64_t next_number(processor& at) noexcept;
  [[nodiscard]] std::uint64_t next_number() noexcept {
    return spawned_.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  // Living fibers are counted in shares: `alive_` is the living ones and what the processors hold
  // as `unborn`. A start takes one from the processor's share, an end puts one there, wherever the
  // fiber began. A processor that finds nothing to do gives its share back before it sleeps, so
  // whoever gives back the last one, when the last fiber has ended, finds zero.
  void fiber_started(processor& at) noexcept;
  void fiber_started() noexcept;
  void fiber_ended(processor& at) noexcept;
  void give_share_back(processor& at) noexcept;

  // A control block of this runtime, living or not.
  [[nodiscard]] control_block& block(std::uint32_t index) const noexcept {
    return *static_cast<control_block*>(stacks_.block_at(index));
  }

  [[nodiscard]] std::span<processor> processors() noexcept {
    return {processors_.get(), processor_count_};
  }
  [[nodiscard]] stack_pool& stacks() noexcept { return stacks_; }
  [[nodiscard]] poll_table& descriptors() noexcept { return descriptors_; }
  [[nodiscard]] global_queue& queue() noexcept { return global_; }
  [[nodiscard]] idle_set& idle() noexcept { return idle_; }
  [[nodiscard]] monitor* watcher() noexcept { return monitor_.get(); }
  [[nodiscard]] const run_options& options() const noexcept { return options_; }
  // Before one catches signals: they do again what they did before when the last runtime that has
  // called this has ended. Any fiber.
  void keep_signals() noexcept;
  [[nodiscard]] bool symmetric_gate() const noexcept { return symmetric_gate_; }
  [[nodiscard]] runtime_stats stats() noexcept;
  // What is done by threads that hold no processor: plain ones, and the monitor.
  [[nodiscard]] processor_counters& outside() noexcept { return outside_; }
  // Records what it does (tracing.h) in rings of so many events, a power of two. Null: that is done
  // already. Errors: std::bad_alloc. Any thread, as the next.
  [[nodiscard]] std::shared_ptr<trace_rings> start_tracing(std::size_t events);
  // Unless it records into others by now.
  void stop_tracing(const trace_rings& into) noexcept;

  // The monitor. Not its own, since whoever reads the figures may come after its end.
  void count_look() noexcept { processor_counters::add(looks_); }

 private:
  static constexpr std::uint64_t share = 64;

  void all_ended() noexcept;
  void start_threads(std::uint32_t first_worker);
  void finish() noexcept;
  void catch_quit_signal();
  class outsider;
  void push_from_outside(control_block* fiber) noexcept;
  void count_outside(const control_block& woken) noexcept;
  void note_outside(const control_block& fiber) const noexcept;

  const runtime_place place_;
  const run_options options_;
  const std::uint32_t processor_count_;
  const bool symmetric_gate_;
  const poller_backend& backend_;
  stack_pool stacks_;
  poll_table descriptors_;
  global_queue global_;
  idle_set idle_;
  const std::unique_ptr<processor[]> processors_;
  // One each. They outlive their threads, since others may look at them.
  std::vector<std::unique_ptr<worker>> workers_;
  std::unique_ptr<monitor> monitor_;
  std::vector<std::thread> threads_;  // only who runs or begins it, and ends it
  bool embedded_ = false;             // immutable once it runs
  std::atomic<bool> keeps_signals_{false};

  std::stop_source stop_source_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> finished_{false};
  // Threads that are making a fiber runnable and that no join waits for; see ~runtime.
  std::atomic<std::uint32_t> outsiders_{0};
  processor_counters outside_;
  std::mutex tracing_;
  // GUARDED_BY(tracing_), both. Late writers may still come to all that ever were; they serve
  // again.
  std::vector<std::shared_ptr<trace_rings>> rings_;
  trace_rings* tracing_into_ = nullptr;
  std::atomic<trace_ring*> traced_outside_{nullptr};
  std::atomic<std::uint64_t> looks_{0};
  alignas(64) std::atomic<std::uint64_t> alive_{0};
  std::atomic<std::uint64_t> spawned_{0};
};

}  // namespace sluice::rt
