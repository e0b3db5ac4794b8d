// timer_heap.h: timers in order of their keys. Pure: it knows neither clock nor lock, and takes
// "now" as an argument. The owner (a processor) holds its lock around every call.
//
// An intrusive pairing heap: arming links a node that its owner already has, so it allocates
// nothing; insert is O(1), removal O(log n) amortised. Rejected: a binary heap in a vector (its
// growth allocates in the middle of a park, and 1,000,000 timers move 16 MB around), and a timing
// wheel (either coarse, or it wakes an idle processor to cascade).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/timer_word.h"

namespace sluice::rt {

enum class timer_kind : std::uint8_t { fiber, descriptor_read, descriptor_write };

// Lives inside its owner (a control block, a poll_desc): type-stable memory.
struct timer {
  timer_word word;
  // Under the lock of the heap it is linked in.
  std::int64_t key = 0;
  timer* child = nullptr;     // first child
  timer* next = nullptr;      // next sibling
  timer* previous = nullptr;  // previous sibling, or the parent of a first child
  // The processor whose heap it is in: written under that heap's lock, read without it by an owner
  // that then locks and looks again; hence atomic, relaxed.
  std::atomic<std::uint32_t> home{0};
  // One arming at a time where it takes a heap's lock; see sched/timers.cc.
  std::atomic<bool> arming{false};
  // Immutable after construction: who is told.
  std::uint32_t owner = 0;
  timer_kind kind = timer_kind::fiber;
};

class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;

  [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // The timer with the smallest key; its key may be earlier than its time.
  [[nodiscard]] timer* top() const noexcept { return root_; }

  // Links `node` under `key`. It stands in no heap.
  void insert(timer& node, std::int64_t key) noexcept;

  // Unlinks `node`, which stands in this heap.
  void remove(timer& node) noexcept;

 private:
  static timer* meld(timer* a, timer* b) noexcept;
  static timer* merge_pairs(timer* first) noexcept;

  timer* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::rt
