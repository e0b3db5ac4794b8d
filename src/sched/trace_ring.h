// trace_ring.h: the last events of one processor, or of all threads without one, written without a
// lock while nobody reads, and read while somebody may still be writing.
//
//   word of a slot   `turn`: 0 never written; odd: being written; 2 * (number + 1): event `number`
//
// Writer:  1 a number: `next` + 1 (one writer: plainly; several: fetch_add)   2 turn = odd
//          3 fence   4 the event's words   5 turn = even, release [A]
// Reader:  1 turn, acquire [B]: even and not 0   2 the words   3 fence   4 turn: the same as in 1
// [A] and [B]: whoever sees the turn sees the words. The fences: whoever sees a word of a later
// event in 2 sees its odd turn, or a later one, in 4, and leaves the slot out.
//
// Several writers of one slot at a time, a whole round apart, could mix their words; the ring is
// large, a writer is four stores, and a trace is no ledger.
#pragma once

#include <array>
#include <atomic>
#include <bit>
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
  std::uint32_t amount = 0;
  trace_kind kind = trace_kind::run;
  std::uint8_t detail = 0;
};

class trace_ring {
 public:
  // `size` is a power of two. Errors: std::bad_alloc.
  explicit trace_ring(std::size_t size) : mask_(size - 1), slots_(new slot[size]) {}

  // One writer at a time.
  void add(const trace_event& event) noexcept {
    const std::uint64_t number = next_.load(std::memory_order_relaxed);
    next_.store(number + 1, std::memory_order_relaxed);
    write(number, event);
    last_ = event;
  }
  // Its last event, for its writer: what happens in the same breath needs no look at the time.
  [[nodiscard]] const trace_event& last() const noexcept { return last_; }
  // Any number of writers.
  void add_shared(const trace_event& event) noexcept {
    write(next_.fetch_add(1, std::memory_order_relaxed), event);
  }

  // Any thread. Appends what is there, the oldest first. Returns how many were written over, or
  // were being written.
  // Errors: std::bad_alloc.
  std::uint64_t read(std::vector<trace_event>& into) const {
    const std::uint64_t end = next_.load(std::memory_order_acquire);
    const std::uint64_t begin = end > mask_ + 1 ? end - mask_ - 1 : 0;
    std::uint64_t lost = begin;
    for (std::uint64_t number = begin; number != end; ++number) {
      const slot& from = slots_[number & mask_];
      const std::uint64_t turn = turn_of(number);
      if (from.turn.load(std::memory_order_acquire) != turn) {  // [B]
        ++lost;
        continue;
      }
      std::array<std::uint64_t, 4> words;
      for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = from.words[i].load(std::memory_order_relaxed);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (from.turn.load(std::memory_order_relaxed) != turn) {
        ++lost;
        continue;
      }
      into.push_back(unpack(words));
    }
    return lost;
  }

 private:
  struct slot {
    std::atomic<std::uint64_t> turn{0};
    std::array<std::atomic<std::uint64_t>, 4> words{};
  };

  static std::uint64_t turn_of(std::uint64_t number) noexcept { return 2 * (number + 1); }

  void write(std::uint64_t number, const trace_event& event) noexcept {
    slot& into = slots_[number & mask_];
    into.turn.store(turn_of(number) - 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    into.words[0].store(event.ticks, std::memory_order_relaxed);
    into.words[1].store(event.fiber, std::memory_order_relaxed);
    into.words[2].store(event.other, std::memory_order_relaxed);
    into.words[3].store(std::uint64_t{event.amount} << 32 |
                            std::uint64_t{static_cast<std::uint8_t>(event.kind)} << 8 |
                            event.detail,
                        std::memory_order_relaxed);
    into.turn.store(turn_of(number), std::memory_order_release);  // [A]
  }

  static trace_event unpack(const std::array<std::uint64_t, 4>& words) noexcept {
    return {.ticks = words[0],
            .fiber = words[1],
            .other = words[2],
            .amount = static_cast<std::uint32_t>(words[3] >> 32),
            .kind = static_cast<trace_kind>(words[3] >> 8 & 0xff),
            .detail = static_cast<std::uint8_t>(words[3])};
  }

  const std::uint64_t mask_;
  const std::unique_ptr<slot[]> slots_;
  // Written by whoever writes, on a line of its own.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  trace_event last_{.kind = trace_kind::call};
};

}  // namespace sluice::rt
