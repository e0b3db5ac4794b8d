// channel_state.h: what a channel is made of, for channel.cc, which has the rules, and select.cc.
#pragma once

#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "fiber/sanitizer.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sluice/sync/channel_core.h"

namespace sluice::detail {

// One call that waits, in its frame, or one case of a select.
struct pending_call : rt::wait_node {
  pending_call(rt::parker& who, void* where, pending_call** claimed_of_several = nullptr) noexcept
      : wait_node(who), value(where), chosen(claimed_of_several) {}
  void* const value;
  pending_call** const chosen;
};

// Those who were claimed and are not released yet. Their nodes are the claimer's.
class claimed_list {
 public:
  claimed_list() = default;
  claimed_list(const claimed_list&) = delete;
  claimed_list& operator=(const claimed_list&) = delete;
  ~claimed_list() {
    while (first_ != nullptr) {
      rt::wait_node& node = *first_;
      first_ = node.next;
      rt::wait_list::finish_claim(node);
    }
  }

  // Claims the first who can be claimed; null: nobody. Under the guard of `queue`.
  pending_call* claim(rt::wait_list& queue, rt::wake_reason reason) noexcept {
    rt::wait_node* const node = queue.claim_one(reason);
    if (node == nullptr) return nullptr;
    node->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = node;
    last_ = node;
    auto* const call = static_cast<pending_call*>(node);
    if (call->chosen != nullptr) *call->chosen = call;
    return call;
  }
  void claim_all(rt::wait_list& queue, rt::wake_reason reason) noexcept {
    while (claim(queue, reason) != nullptr) {
    }
  }

 private:
  rt::wait_node* first_ = nullptr;
  rt::wait_node* last_ = nullptr;
};

// The guard, as ThreadSanitizer is told of it: behind it stand values of the program's own, which
// are written and read by its code, in the program's frames and in the cells.
class channel_guard {
 public:
  void lock() noexcept {
    lock_.lock();
    rt::race_acquire(this);
  }
  void unlock() noexcept {
    rt::race_release(this);
    lock_.unlock();
  }

 private:
  rt::spin_lock lock_;
};

struct aligned_delete {
  std::size_t alignment;
  void operator()(std::byte* memory) const noexcept {
    ::operator delete(memory, std::align_val_t{alignment});
  }
};
using cell_memory = std::unique_ptr<std::byte, aligned_delete>;

inline cell_memory make_cells(const element_type& type, std::size_t count) {
  if (count > std::numeric_limits<std::size_t>::max() / type.size) throw std::bad_alloc();
  const aligned_delete deleter{type.alignment};
  if (count == 0) return {nullptr, deleter};
  void* const made = ::operator new(count * type.size, std::align_val_t{type.alignment});
  return {static_cast<std::byte*>(made), deleter};
}

struct channel_core::state {
  state(const element_type& values, std::size_t capacity)
      : type(values), cells(make_cells(values, capacity)), full(capacity), free(capacity) {
    // The first one is on top.
    for (std::size_t i = 0; i < capacity; ++i) {
      free[i] = static_cast<std::uint32_t>(capacity - 1 - i);
    }
    free_count = capacity;
  }

  const element_type type;
  mutable channel_guard guard;
  // From here on all GUARDED_BY(guard).
  cell_memory cells;
  std::vector<std::uint32_t> full;  // a ring
  std::size_t full_begin = 0;
  std::size_t full_count = 0;
  std::vector<std::uint32_t> free;  // a stack
  std::size_t free_count = 0;
  std::size_t filling = 0;
  bool closed = false;
  rt::wait_list senders;
  rt::wait_list receivers;

  [[nodiscard]] void* at(std::uint32_t cell) const noexcept {
    return cells.get() + cell * type.size;
  }
  [[nodiscard]] bool copies() const noexcept { return type.move == nullptr; }

  std::uint32_t take_full() noexcept {
    const std::uint32_t cell = full[full_begin];
    if (++full_begin == full.size()) full_begin = 0;
    --full_count;
    return cell;
  }
  void put_full(std::uint32_t cell) noexcept {
    const std::size_t end = full_begin + full_count++;
    full[end < full.size() ? end : end - full.size()] = cell;
  }
  void put_free(std::uint32_t cell) noexcept { free[free_count++] = cell; }

  using lock = std::unique_lock<channel_guard>;
  // Moves without the guard, or copies with it.
  void carry(void* to, void* from, lock& held) const noexcept {
    if (copies()) {
      std::memcpy(to, from, type.size);
      return;
    }
    held.unlock();
    type.move(to, from);
    held.lock();
  }
  void carry_out(void* to, std::uint32_t cell, lock& held) const noexcept {
    if (copies()) {
      std::memcpy(to, at(cell), type.size);
      return;
    }
    held.unlock();
    type.move(to, at(cell));
    type.destroy(at(cell));
    held.lock();
  }

  void settle(std::uint32_t cell, bool is_filled, lock& held, claimed_list& served) noexcept;
  void note_end(claimed_list& ended) noexcept;
  result<void> wait(rt::wait_list& queue, pending_call& self, lock& held) noexcept;
};

}  // namespace sluice::detail
