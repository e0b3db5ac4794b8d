// channel_rules.h: cells for the values that nobody waits for yet, and two queues of those who
// wait.
//
//   cell      means                                  left by
//   free      in the stack of free ones              sender takes it [G] -> filling
//   filling   a sender moves its value in            that sender [G] -> full, or straight to a
//                                                    receiver who waits -> draining
//   full      in the queue of full ones              receiver takes it [G] -> draining
//   draining  a receiver's value is moved out        whoever does it [G] -> free, or straight to a
//                                                    sender who waits -> filling
// [G]: under the guard; the moves themselves, which are somebody else's code, are made without it.
// Values whose bytes may be copied are copied under the guard, so `filling` and `draining` are
// passed through in one hold of it.
//
// Whoever can wait is claimed before a value is moved from or to his frame, and released
// afterwards: from the claim on he can neither time out nor be stopped. Receivers wait only while
// no cell is full and no sender waits; senders only while no cell is free and no receiver waits. So
// nobody overtakes, but for two whose values are being moved at the same time: the move that ends
// first counts.
//
// Send:    1 under the guard: closed; or claim a receiver; or take a free cell; or begin the park,
//          and enter the queue   2 leave the guard, move the value; for a cell: settle it
//          3 release who was claimed
// Receive: the same with the roles turned; closed counts when no cell is full or being filled.
// Settle:  under the guard: a cell that was filled goes to a receiver who waits, or into the
//          queue; a drained one to a sender who waits, or onto the stack; as long as it goes on.
//          Each round takes another one out of a queue, so it has an end.
// Close:   1 under the guard: mark it, claim all senders, and all receivers, unless a cell is being
//          filled; then whoever fills the last one claims them   2 leave the guard, release them
//
// Whoever was claimed may destroy the channel, so nobody is released before the guard was left for
// the last time.
//
// A template over how its callers wait, so that models run it (channel_model_test.cc): `Waits` says
// what parks, what a call that waits is, what guards, and what queues; the functions of park.h are
// found by the parker's type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "sched/park.h"
#include "sched/park_time.h"
#include "sluice/sync/channel_core.h"

namespace sluice::detail {

// Those who were claimed and are not released yet. Their nodes are the claimer's.
template <class Waits>
class basic_claimed_list {
 public:
  using list = Waits::list;
  using node = list::wait_node;
  using call = Waits::call;

  basic_claimed_list() = default;
  basic_claimed_list(const basic_claimed_list&) = delete;
  basic_claimed_list& operator=(const basic_claimed_list&) = delete;
  ~basic_claimed_list() {
    while (first_ != nullptr) {
      node& released = *first_;
      first_ = released.next;
      list::finish_claim(released);
    }
  }

  // Claims the first who can be claimed; null: nobody. Under the guard of `queue`.
  call* claim(list& queue, rt::wake_reason reason) noexcept {
    node* const claimed = queue.claim_one(reason);
    if (claimed == nullptr) return nullptr;
    claimed->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = claimed;
    last_ = claimed;
    auto* const served = static_cast<call*>(claimed);
    if (served->chosen != nullptr) *served->chosen = served;
    return served;
  }
  void claim_all(list& queue, rt::wake_reason reason) noexcept {
    while (claim(queue, reason) != nullptr) {
    }
  }

 private:
  node* first_ = nullptr;
  node* last_ = nullptr;
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

template <class Waits>
struct basic_channel {
  using parker = Waits::parker;
  using list = Waits::list;
  using call = Waits::call;
  using claimed_list = basic_claimed_list<Waits>;

  basic_channel(const element_type& values, std::size_t capacity)
      : type(values), cells(make_cells(values, capacity)), full(capacity), free(capacity) {
    // The first one is on top.
    for (std::size_t i = 0; i < capacity; ++i) {
      free[i] = static_cast<std::uint32_t>(capacity - 1 - i);
    }
    free_count = capacity;
  }

  const element_type type;
  mutable Waits::guard guard;
  // From here on all GUARDED_BY(guard).
  cell_memory cells;
  std::vector<std::uint32_t> full;  // a ring
  std::size_t full_begin = 0;
  std::size_t full_count = 0;
  std::vector<std::uint32_t> free;  // a stack
  std::size_t free_count = 0;
  std::size_t filling = 0;
  bool closed = false;
  list senders;
  list receivers;

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

  using lock = std::unique_lock<typename Waits::guard>;
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

  // What channel_core promises; `on` is what reports name the channel by.
  result<void> send(void* value, const channel_core::patience& how, const void* on) noexcept;
  result<void> receive(void* into, const channel_core::patience& how, const void* on) noexcept;
  // False: it was closed already.
  bool close() noexcept;

 private:
  void settle(std::uint32_t cell, bool is_filled, lock& held, claimed_list& served) noexcept;
  void note_end(claimed_list& ended) noexcept;
  result<void> wait(list& queue, call& self, lock& held) noexcept;
};

// The last value of a closed channel is in it: who still waits gets none.
template <class Waits>
void basic_channel<Waits>::note_end(claimed_list& ended) noexcept {
  if (closed && filling == 0) ended.claim_all(receivers, rt::wake_reason::closed);
}

// The guard is held before and afterwards.
template <class Waits>
void basic_channel<Waits>::settle(std::uint32_t cell, bool is_filled, lock& held,
                                  claimed_list& served) noexcept {
  for (;; is_filled = !is_filled) {
    if (is_filled) {
      call* const receiver = served.claim(receivers, rt::wake_reason::partner);
      if (receiver != nullptr) carry_out(receiver->value, cell, held);
      --filling;
      if (receiver == nullptr) return put_full(cell);
      note_end(served);
    } else {
      call* const sender = served.claim(senders, rt::wake_reason::partner);
      if (sender == nullptr) return put_free(cell);
      ++filling;
      carry(at(cell), sender->value, held);
    }
  }
}

// In the queue and parked, from the guard on, which is left.
template <class Waits>
result<void> basic_channel<Waits>::wait(list& queue, call& self, lock& held) noexcept {
  queue.push_back(self);
  held.unlock();
  parker& parked = *self.waiter;
  rt::wake_reason why = rt::wake_reason::stop;
  if (!park_interrupted(parked) || !park_withdraw(parked)) why = park(parked);
  if (why == rt::wake_reason::partner) return {};
  // Whoever claimed it has unlinked it, and may have been the last to see the channel.
  if (why != rt::wake_reason::closed) {
    held.lock();
    queue.remove(self);
    held.unlock();
  }
  return std::unexpected(error(rt::cut_short_by(why)));
}

// Inlined, both: each has one caller, channel_core's function of the same name.
template <class Waits>
[[gnu::always_inline]] inline result<void> basic_channel<Waits>::send(
    void* value, const channel_core::patience& how, const void* on) noexcept {
  if (how.may_wait) {
    if (const auto why = Waits::stop_reason()) return std::unexpected(error(*why));
  }
  claimed_list served;
  lock held(guard);
  if (closed) return std::unexpected(error(errc::closed));
  if (call* const receiver = served.claim(receivers, rt::wake_reason::partner)) {
    if (copies()) {
      std::memcpy(receiver->value, value, type.size);
      return {};
    }
    const auto move = type.move;
    held.unlock();
    move(receiver->value, value);
    return {};
  }
  if (free_count > 0) {
    const std::uint32_t cell = free[--free_count];
    ++filling;
    carry(at(cell), value, held);
    settle(cell, true, held, served);
    return {};
  }
  if (!how.may_wait) return std::unexpected(error(std::errc::operation_would_block));
  parker& parked = Waits::this_parker();
  park_begin(parked, {.kind = rt::wait_kind::send,
                      .on = on,
                      .until = rt::park_time(how.until),
                      .stoppable = true});
  call self(parked, value);
  return wait(senders, self, held);
}

template <class Waits>
[[gnu::always_inline]] inline result<void> basic_channel<Waits>::receive(
    void* into, const channel_core::patience& how, const void* on) noexcept {
  if (how.may_wait) {
    if (const auto why = Waits::stop_reason()) return std::unexpected(error(*why));
  }
  claimed_list served;
  lock held(guard);
  if (full_count > 0) {
    const std::uint32_t cell = take_full();
    carry_out(into, cell, held);
    settle(cell, false, held, served);
    return {};
  }
  if (call* const sender = served.claim(senders, rt::wake_reason::partner)) {
    if (copies()) {
      std::memcpy(into, sender->value, type.size);
      return {};
    }
    const auto move = type.move;
    held.unlock();
    move(into, sender->value);
    return {};
  }
  if (closed && filling == 0) return std::unexpected(error(errc::closed));
  if (!how.may_wait) return std::unexpected(error(std::errc::operation_would_block));
  parker& parked = Waits::this_parker();
  park_begin(parked, {.kind = rt::wait_kind::receive,
                      .on = on,
                      .until = rt::park_time(how.until),
                      .stoppable = true});
  call self(parked, into);
  return wait(receivers, self, held);
}

template <class Waits>
bool basic_channel<Waits>::close() noexcept {
  claimed_list ended;
  const std::lock_guard held(guard);
  if (closed) return false;
  closed = true;
  ended.claim_all(senders, rt::wake_reason::closed);
  note_end(ended);
  return true;
}

}  // namespace sluice::detail
