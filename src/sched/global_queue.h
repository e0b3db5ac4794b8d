// global_queue.h: runnable fibers that no processor holds: what plain threads made runnable, and
// what a full local queue spilled. First in, first out.
//
// A ring of pointers, and a list through the control blocks for what does not fit there: a burst of
// fibers has cold control blocks, and following a list through them is a chain of cache misses
// (a quarter of the time of 10,000 spawns). While the list holds anything, what comes goes there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "sched/control_block.h"
#include "sched/spin_lock.h"

namespace sluice::rt {

class global_queue {
 public:
  void push(control_block* fiber) noexcept { push(&fiber, 1); }

  void push(control_block* const* fibers, std::uint32_t count) noexcept {
    const std::lock_guard guard(lock_);
    for (std::uint32_t i = 0; i < count; ++i) append(fibers[i]);
    // relaxed read of an own value; seq_cst store: see size().
    size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
  }

  // Takes at most `limit`. Returns how many.
  std::uint32_t take(control_block** into, std::uint32_t limit) noexcept {
    const std::lock_guard guard(lock_);
    std::uint32_t count = 0;
    while (count < limit && head_ != tail_) into[count++] = ring_[head_++ % ring_size];
    // A small program uses the ring's first page only.
    if (head_ == tail_) head_ = tail_ = 0;
    while (count < limit && first_ != nullptr) {
      into[count++] = first_;
      first_ = first_->next;
    }
    if (first_ == nullptr) last_ = nullptr;
    size_.store(size_.load(std::memory_order_relaxed) - count, std::memory_order_seq_cst);
    return count;
  }

  // Any thread; racy. seq_cst: the sleeper's second look pairs with the waker's fence
  // (idle_set.h [B]).
  [[nodiscard]] std::uint32_t size() const noexcept {
    return size_.load(std::memory_order_seq_cst);
  }

 private:
  static constexpr std::uint32_t ring_size = 16384;

  void append(control_block* fiber) noexcept {
    if (first_ == nullptr && tail_ - head_ != ring_size) {
      ring_[tail_++ % ring_size] = fiber;
      return;
    }
    fiber->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = fiber;
    last_ = fiber;
  }

  spin_lock lock_;
  std::uint32_t head_ = 0;          // GUARDED_BY(lock_)
  std::uint32_t tail_ = 0;          // GUARDED_BY(lock_)
  control_block* first_ = nullptr;  // GUARDED_BY(lock_)
  control_block* last_ = nullptr;   // GUARDED_BY(lock_)
  std::atomic<std::uint32_t> size_{0};
  // Not initialised: 128 KiB that most programs never touch.
  const std::unique_ptr<control_block*[]> ring_{
      new control_block*[ring_size]};  // GUARDED_BY(lock_)
};

}  // namespace sluice::rt
