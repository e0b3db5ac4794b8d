// run_queue.h: a processor's bounded queue of runnable fibers, as Go's runq. One owner pushes and
// pops; any thread steals the older half.
//
// head_ is moved by whoever takes (owner or thief) by compare-and-swap, tail_ by the owner only.
//   [A] the owner's release store of tail_ publishes the entries before it; thieves acquire it
//   [B] the compare-and-swap of head_ (release) says that the entries were read; the owner acquires
//       head_ before it writes over them
//
// Where there is one processor only, there are no thieves, and the owner moves head_ by a plain
// store: the compare-and-swap is a quarter of a yield.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "sched/control_block.h"

namespace sluice::rt {

class run_queue {
 public:
  // Go's number: enough that a burst seldom spills, small enough to steal half of in one go.
  static constexpr std::uint32_t capacity = 256;
  // From this length on the entries are taken for cold. A prefetch of what is warm costs 4 ns.
  static constexpr std::uint32_t long_queue = 32;

  // Before anybody uses it: no other thread will ever take from this queue.
  void forgo_thieves() noexcept { has_thieves_ = false; }
  [[nodiscard]] bool has_thieves() const noexcept { return has_thieves_; }

  // Owner. False: full; the worker spills half.
  [[nodiscard]] bool push(control_block* fiber) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    // acquire [B]
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    slot(tail).store(fiber, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);  // [A]
    return true;
  }

  // What there is to do beside the fiber that was popped.
  struct aside {
    // The queue is long, or every pop is attended to.
    bool any = false;
    // Who stands next in a long queue, and behind that one, to be prefetched; a thief may have
    // either by now. Else nullptr.
    const control_block* next = nullptr;
    const control_block* second = nullptr;
  };
  // Owner: whether every pop says `any`. One comparison serves for both, in what is a yield's path.
  void attend_to_pops(bool all) noexcept { attended_from_ = all ? 0 : long_queue; }

  // Owner. Returns nullptr if empty.
  [[nodiscard]] control_block* pop(aside& beside) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    // relaxed: the owner's own value.
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    while (head != tail) {
      control_block* const fiber = slot(head).load(std::memory_order_relaxed);
      if (tail - head >= attended_from_) [[unlikely]] {
        beside.any = true;
        if (tail - head >= long_queue) {
          beside.next = slot(head + 1).load(std::memory_order_relaxed);
          beside.second = slot(head + 2).load(std::memory_order_relaxed);
        }
      }
      if (!has_thieves_) {
        head_.store(head + 1, std::memory_order_relaxed);
        return fiber;
      }
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return fiber;
      }
    }
    return nullptr;
  }

  [[nodiscard]] control_block* pop() noexcept {
    aside unused;
    return pop(unused);
  }

  // Owner: the positions of who stands first, and behind the last. They wrap.
  [[nodiscard]] std::uint32_t begin() const noexcept {
    return head_.load(std::memory_order_relaxed);  // a thief may be seen late
  }
  [[nodiscard]] std::uint32_t end() const noexcept { return tail_.load(std::memory_order_relaxed); }

  // Any thread: takes the older half (rounded up), at most `limit`. Returns how many.
  std::uint32_t take_half(control_block** into, std::uint32_t limit) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t size = tail_.load(std::memory_order_acquire) - head;  // [A]
      std::uint32_t count = size - size / 2;
      if (count == 0) return 0;
      if (count > limit) count = limit;
      // An old head beside a new tail: look again.
      if (size > capacity) {
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        into[i] = slot(head + i).load(std::memory_order_relaxed);
      }
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,  // [B]
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }

  // Any thread; racy. seq_cst: the sleeper's second look (idle_set.h [B]) must see a push that came
  // before the waker's fence.
  [[nodiscard]] std::uint32_t size() const noexcept {
    const std::uint32_t head = head_.load(std::memory_order_seq_cst);
    return tail_.load(std::memory_order_seq_cst) - head;
  }

 private:
  std::atomic<control_block*>& slot(std::uint32_t position) noexcept {
    return entries_[position % capacity];
  }

  alignas(64) std::atomic<std::uint32_t> head_{0};
  bool has_thieves_ = true;                   // immutable once the queue is in use
  std::uint32_t attended_from_ = long_queue;  // owner only
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::array<std::atomic<control_block*>, capacity> entries_{};
};

}  // namespace sluice::rt
