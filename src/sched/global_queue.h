// global_queue.h: runnable fibers that no processor holds: what plain threads made runnable, and
// what a full local queue spilled. First in, first out.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "sched/control_block.h"
#include "sched/spin_lock.h"

namespace sluice::rt {

class global_queue {
 public:
  void push(control_block* fiber) noexcept {
    const std::lock_guard guard(lock_);
    append(fiber);
    grow(1);
  }

  void push(control_block* const* fibers, std::uint32_t count) noexcept {
    const std::lock_guard guard(lock_);
    for (std::uint32_t i = 0; i < count; ++i) append(fibers[i]);
    grow(count);
  }

  // Takes at most `limit`. Returns how many.
  std::uint32_t take(control_block** into, std::uint32_t limit) noexcept {
    const std::lock_guard guard(lock_);
    std::uint32_t count = 0;
    while (count < limit && first_ != nullptr) {
      into[count++] = first_;
      first_ = first_->next;
    }
    if (first_ == nullptr) last_ = nullptr;
    // relaxed read of an own value; seq_cst store: see size().
    size_.store(size_.load(std::memory_order_relaxed) - count, std::memory_order_seq_cst);
    return count;
  }

  // Any thread; racy. seq_cst: the sleeper's second look pairs with the waker's fence
  // (idle_set.h [B]).
  [[nodiscard]] std::uint32_t size() const noexcept {
    return size_.load(std::memory_order_seq_cst);
  }

 private:
  void append(control_block* fiber) noexcept {
    fiber->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = fiber;
    last_ = fiber;
  }

  void grow(std::uint32_t count) noexcept {
    // relaxed read of an own value; seq_cst store: see size().
    size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_seq_cst);
  }

  spin_lock lock_;
  control_block* first_ = nullptr;  // GUARDED_BY(lock_)
  control_block* last_ = nullptr;   // GUARDED_BY(lock_)
  std::atomic<std::uint32_t> size_{0};
};

}  // namespace sluice::rt
