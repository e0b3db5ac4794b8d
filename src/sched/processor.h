// processor.h: the right to run fibers, and all that goes with it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "base/timer_heap.h"
#include "poller/poller.h"
#include "sched/run_queue.h"
#include "sched/spin_lock.h"
#include "sched/time_tally.h"
#include "sched/yield_mark.h"

namespace sluice::rt {

class worker;
class trace_ring;

// Counted by the owner with plain loads and stores, read by anybody: racy figures, never lost ones.
struct processor_counters {
  std::atomic<std::uint64_t> polls{0};
  std::atomic<std::uint64_t> sleeps{0};
  std::atomic<std::uint64_t> parks{0};
  std::atomic<std::uint64_t> steals{0};
  std::atomic<std::uint64_t> wakeups{0};
  std::atomic<std::uint64_t> spawned{0};
  std::atomic<std::uint64_t> wakes{0};         // parks that ended
  std::atomic<std::uint64_t> reports{0};       // what the polls brought
  std::atomic<std::uint64_t> spared_reads{0};  // see count_spared_read

  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) noexcept {
    // relaxed: one writer.
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  // For those that many threads add to (runtime::outside).
  static void add_shared(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) noexcept {
    // relaxed: a tally.
    counter.fetch_add(amount, std::memory_order_relaxed);
  }
};

struct alignas(64) processor {
  std::uint32_t index = 0;

  run_queue queue;
  // Counts yields, while there are thieves. Owner only writes.
  yield_mark yielding;
  // The fiber that runs next: put there and taken inside the gate, by the owner, or by a thief to
  // whom a stuck owner's gate has given way. relaxed: the gate orders it; others only look whether
  // there is one. Two exchanges a wake-up would be a tenth of what it costs.
  std::atomic<control_block*> next{nullptr};
  // The worker that runs it. Immutable while the runtime runs.
  worker* holder = nullptr;

  // How often a fiber was switched to. Owner only writes; the monitor compares.
  std::atomic<std::uint64_t> switches{0};
  // The value of `switches` at which the monitor found it unchanged since its last look: while the
  // two are equal and a fiber is running, thieves may take its next slot and due timers and poll
  // its shard. relaxed: a hint.
  std::atomic<std::uint64_t> stuck_at{~std::uint64_t{0}};
  // The fiber it runs, for the monitor and for dumps. Owner only writes.
  std::atomic<control_block*> running{nullptr};

  // Timers. `earliest` mirrors the heap's first key: written under timer_lock, read without.
  spin_lock timer_lock;
  timer_heap timers;  // GUARDED_BY(timer_lock)
  std::atomic<std::int64_t> earliest{timer_word::time_limit};

  // The poller shard. Whoever holds shard_busy may wait on it; only the owner blocks in it.
  std::unique_ptr<poller> shard;
  std::atomic<bool> shard_busy{false};
  // Until when the owner sleeps in the shard (poll_forever: without limit); `awake` otherwise.
  static constexpr std::int64_t awake = std::numeric_limits<std::int64_t>::min();
  std::atomic<std::int64_t> sleep_until{awake};
  // Descriptors registered with the shard.
  std::atomic<std::uint32_t> registered{0};

  // Warm stacks of the default size, last in first out. Owner only.
  static constexpr std::uint32_t stack_cache_size = 64;
  std::array<std::uint32_t, stack_cache_size> stack_cache{};
  std::uint32_t stacks_cached = 0;

  // Shares of the runtime's counters, so that a spawn and an end touch no line that others write
  // (runtime.h). Owner only writes; relaxed, all.
  std::atomic<std::uint64_t> unborn{0};       // counted as alive, but not started
  std::atomic<std::uint64_t> next_number{0};  // of the fibers' numbers
  std::atomic<std::uint64_t> numbers_end{0};

#ifdef SLUICE_MIGRATE
  // The migrate build: fibers that must resume on this processor, or at least not on the one that
  // they left.
  spin_lock inbox_lock;
  control_block* inbox_first = nullptr;  // GUARDED_BY(inbox_lock)
  control_block* inbox_last = nullptr;   // GUARDED_BY(inbox_lock)
  std::atomic<std::uint32_t> inbox_size{0};
#endif

  // Where its events go while they are recorded (tracing.h).
  std::atomic<trace_ring*> trace{nullptr};
  [[nodiscard]] trace_ring* traced() const noexcept {
    // acquire: pairs with start_tracing, which has made the ring before.
    return trace.load(std::memory_order_acquire);
  }

  processor_counters counters;
  // How long after its time a timer of this heap fired. Written under timer_lock.
  time_tally timer_lateness;
  // How long what stands in the queue waits; a sample, see worker::mark_queue. Owner only writes.
  time_tally queue_delay;

  [[nodiscard]] bool try_lock_shard() noexcept {
    // acquire: pairs with unlock_shard; the report buffer of the backend is the holder's.
    return !shard_busy.exchange(true, std::memory_order_acquire);
  }
  void unlock_shard() noexcept { shard_busy.store(false, std::memory_order_release); }

  // Owner.
  void count_switch() noexcept {
    switches.store(switches.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  // Any thread: the sleeper's second look, for the queue. Next slots are left out.
  [[nodiscard]] bool has_queued() const noexcept {
    return yielding.work_is_left([this] { return queue.size() != 0; });
  }

  // The monitor has seen it in one and the same fiber at two looks.
  [[nodiscard]] bool is_stuck() const noexcept {
    return stuck_at.load(std::memory_order_relaxed) == switches.load(std::memory_order_relaxed) &&
           running.load(std::memory_order_relaxed) != nullptr;
  }
};

}  // namespace sluice::rt
