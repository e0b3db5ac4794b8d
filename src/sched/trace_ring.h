// trace_ring.h: the last events of one processor, or of all threads without one, written without a
// lock, and read while somebody may still be writing.
//
//   head of a slot   {turn:32, kind:8, detail:8, amount:16}; the turn is 0 while it was never
//                    written, odd while it is being written, and even behind event `number`:
//                    2 * (number + 1), of which 32 bits are kept
//
// Writer:  1 a number: `next` + 1 (one writer: plainly; several: fetch_add)   2 head = odd
//          3 fence   4 the other words   5 head = even and the rest, release [A]
// Reader:  1 head, acquire [B]: the turn is that of the number   2 the words   3 fence   4 head:
//          the same as in 1
// [A] and [B]: whoever sees the turn sees the words. The fences: whoever sees a word of a later
// event in 2 sees its odd turn, or a later one, in 4, and leaves the slot out.
//
// Several writers of one slot at a time, a whole round apart, could mix their words; the ring is
// large, a writer is five stores, and a trace is no ledger.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "os/ticks.h"

namespace sluice::rt {

enum class trace_kind : std::uint8_t {
  run,         // `fiber` runs from now on
  leave,       // `fiber` runs no longer: `detail` is the wait_kind, runnable if it yields, none if
               // it has ended; then `other` is its spawn place's file and `amount` the line
  named,       // `fiber` has ended and was called `other`, a text that is never freed
  ready,       // `fiber` was made runnable by `other`; 0: by none
  steal,       // `amount` fibers were taken from processor `other`
  poll_begin,  // asks the poller; `detail`: 1 if it may sleep
  poll_end,    // it brought `amount` reports
  timers,      // `amount` fibers' times had come
  call,        // a system call: `detail` is the os::call
};

struct trace_event {
  std::uint64_t ticks = 0;
  std::uint64_t fiber = 0;
  std::uint64_t other = 0;
  std::uint16_t amount = 0;
  trace_kind kind = trace_kind::run;
  std::uint8_t detail = 0;
};

class trace_ring {
 public:
  // `size` is a power of two. Errors: std::bad_alloc.
  explicit trace_ring(std::size_t size) : mask_(size - 1), slots_(new slot[size]) {}

  [[nodiscard]] std::size_t size() const noexcept { return mask_ + 1; }
  // For another trace: what is there by now is left out.
  void restart() noexcept {
    // relaxed, both, as everywhere but in the head: a late writer's event more or less is no
    // matter.
    begin_.store(next_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

  // One writer at a time.
  void add(const trace_event& event) noexcept {
    const std::uint64_t number = next_.load(std::memory_order_relaxed);
    next_.store(number + 1, std::memory_order_relaxed);
    write(number, event);
    last_kind_ = event.kind;
    last_ticks_ = event.ticks;
  }
  // Of its last event, for its writer: what happens in the same breath needs no look at the time.
  [[nodiscard]] trace_kind last_kind() const noexcept { return last_kind_; }
  [[nodiscard]] std::uint64_t last_ticks() const noexcept { return last_ticks_; }
  // Any number of writers.
  void add_shared(const trace_event& event) noexcept {
    write(next_.fetch_add(1, std::memory_order_relaxed), event);
  }

  // Any thread. Appends what is there, the oldest first. Returns how many were written over, or
  // were being written.
  // Errors: std::bad_alloc.
  std::uint64_t read(std::vector<trace_event>& into) const {
    const std::uint64_t end = next_.load(std::memory_order_relaxed);
    const std::uint64_t first = begin_.load(std::memory_order_relaxed);
    const std::uint64_t begin = std::max(first, end > mask_ + 1 ? end - mask_ - 1 : 0);
    std::uint64_t lost = begin - first;
    for (std::uint64_t number = begin; number != end; ++number) {
      const slot& from = slots_[number & mask_];
      const std::uint64_t head = from.head.load(std::memory_order_acquire);  // [B]
      if (head >> 32 != turn_of(number)) {
        ++lost;
        continue;
      }
      trace_event event = unpack(head);
      event.ticks = from.ticks.load(std::memory_order_relaxed);
      event.fiber = from.fiber.load(std::memory_order_relaxed);
      event.other = from.other.load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (from.head.load(std::memory_order_relaxed) != head) {
        ++lost;
        continue;
      }
      into.push_back(event);
    }
    return lost;
  }

 private:
  // Half a cache line.
  struct alignas(32) slot {
    std::atomic<std::uint64_t> head{0};
    std::atomic<std::uint64_t> ticks{0};
    std::atomic<std::uint64_t> fiber{0};
    std::atomic<std::uint64_t> other{0};
  };

  static std::uint32_t turn_of(std::uint64_t number) noexcept {
    return static_cast<std::uint32_t>(2 * (number + 1));
  }

  void write(std::uint64_t number, const trace_event& event) noexcept {
    slot& into = slots_[number & mask_];
    const std::uint64_t turn = turn_of(number);
    into.head.store((turn - 1) << 32, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    into.ticks.store(event.ticks, std::memory_order_relaxed);
    into.fiber.store(event.fiber, std::memory_order_relaxed);
    into.other.store(event.other, std::memory_order_relaxed);
    into.head.store(turn << 32 | std::uint64_t{static_cast<std::uint8_t>(event.kind)} << 24 |
                        std::uint64_t{event.detail} << 16 | event.amount,
                    std::memory_order_release);  // [A]
  }

  static trace_event unpack(std::uint64_t head) noexcept {
    return {.amount = static_cast<std::uint16_t>(head),
            .kind = static_cast<trace_kind>(head >> 24 & 0xff),
            .detail = static_cast<std::uint8_t>(head >> 16)};
  }

  const std::uint64_t mask_;
  const std::unique_ptr<slot[]> slots_;
  // Written by whoever writes, on a line of its own.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> begin_{0};
  trace_kind last_kind_ = trace_kind::call;
  std::uint64_t last_ticks_ = 0;
};

}  // namespace sluice::rt
