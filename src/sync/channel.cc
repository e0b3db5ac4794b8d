// channel.cc: cells for the values that nobody waits for yet, and two queues of those who wait.
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
// nobody overtakes.
//
// Send:    1 under the guard: closed; or claim a receiver; or take a free cell; or begin the park
// and
//          enter the queue   2 leave the guard, move the value; for a cell: settle it   3 release
//          who was claimed
// Receive: the same with the roles turned; closed counts when no cell is full or being filled.
// Settle:  under the guard: a cell that was filled goes to a receiver who waits, or into the queue;
// one
//          that was drained to a sender who waits, or onto the stack; as long as it goes on
// Close:   1 under the guard: mark it, claim all senders, and all receivers, unless a cell is being
//          filled; then whoever fills the last one claims them   2 leave the guard, release them
//
// Whoever was claimed may destroy the channel, so nobody is released before the guard was left for
// the last time.
#include "sluice/channel.h"

#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <vector>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/park_time.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sluice/fiber.h"

namespace sluice::detail {
namespace {

constexpr std::ptrdiff_t most = std::numeric_limits<std::int32_t>::max();

// One call that waits, in its frame.
struct pending_call : rt::wait_node {
  pending_call(rt::parker& who, void* where) noexcept : wait_node(who), value(where) {}
  void* const value;
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
    return static_cast<pending_call*>(node);
  }
  void claim_all(rt::wait_list& queue, rt::wake_reason reason) noexcept {
    while (claim(queue, reason) != nullptr) {
    }
  }

 private:
  rt::wait_node* first_ = nullptr;
  rt::wait_node* last_ = nullptr;
};

struct aligned_delete {
  std::size_t alignment;
  void operator()(std::byte* memory) const noexcept {
    ::operator delete(memory, std::align_val_t{alignment});
  }
};
using cell_memory = std::unique_ptr<std::byte, aligned_delete>;

cell_memory make_cells(const element_type& type, std::size_t count) {
  if (count > std::numeric_limits<std::size_t>::max() / type.size) throw std::bad_alloc();
  const aligned_delete deleter{type.alignment};
  if (count == 0) return {nullptr, deleter};
  void* const made = ::operator new(count * type.size, std::align_val_t{type.alignment});
  return {static_cast<std::byte*>(made), deleter};
}

std::size_t checked(std::ptrdiff_t capacity) {
  if (capacity < 0 || capacity > most) {
    throw_logic_error("sluice: a channel has room for between 0 and 2^31 - 1 values");
  }
  return static_cast<std::size_t>(capacity);
}

}  // namespace

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
  mutable rt::spin_lock guard;
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

  using lock = std::unique_lock<rt::spin_lock>;
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

// The last value of a closed channel is in it: who still waits gets none.
void channel_core::state::note_end(claimed_list& ended) noexcept {
  if (closed && filling == 0) ended.claim_all(receivers, rt::wake_reason::closed);
}

// The guard is held before and afterwards.
void channel_core::state::settle(std::uint32_t cell, bool is_filled, lock& held,
                                 claimed_list& served) noexcept {
  for (;; is_filled = !is_filled) {
    if (is_filled) {
      pending_call* const receiver = served.claim(receivers, rt::wake_reason::partner);
      if (receiver != nullptr) carry_out(receiver->value, cell, held);
      --filling;
      if (receiver == nullptr) return put_full(cell);
      note_end(served);
    } else {
      pending_call* const sender = served.claim(senders, rt::wake_reason::partner);
      if (sender == nullptr) return put_free(cell);
      ++filling;
      carry(at(cell), sender->value, held);
    }
  }
}

// In the queue and parked, from the guard on, which is left.
result<void> channel_core::state::wait(rt::wait_list& queue, pending_call& self,
                                       lock& held) noexcept {
  queue.push_back(self);
  held.unlock();
  rt::parker& parked = *self.waiter;
  rt::wake_reason why = rt::wake_reason::stop;
  if (!rt::park_interrupted(parked) || !rt::park_withdraw(parked)) why = rt::park(parked);
  // Whoever claimed it has unlinked it, and may have been the last to see the channel.
  switch (why) {
    case rt::wake_reason::partner:
      rt::race_acquire(this);
      return {};
    case rt::wake_reason::closed:
      return std::unexpected(error(errc::closed));
    case rt::wake_reason::deadline:
    case rt::wake_reason::ready:
    case rt::wake_reason::stop:
      break;
  }
  held.lock();
  queue.remove(self);
  held.unlock();
  return std::unexpected(
      error(why == rt::wake_reason::deadline ? errc::deadline_exceeded : errc::operation_canceled));
}

channel_core::channel_core(const element_type& type, std::ptrdiff_t capacity)
    : state_(std::make_unique<state>(type, checked(capacity))) {}

channel_core::~channel_core() {
  state& here = *state_;
  const std::lock_guard held(here.guard);
#ifndef NDEBUG
  if (!here.senders.empty() || !here.receivers.empty()) {
    misuse("a channel was destroyed while somebody waits on it");
  }
#endif
  while (here.full_count > 0) here.type.destroy(here.at(here.take_full()));
}

result<void> channel_core::send(void* value, const patience& how) noexcept {
  if (how.may_wait && rt::stop_requested()) {
    return std::unexpected(error(errc::operation_canceled));
  }
  rt::race_release(state_.get());
  state& here = *state_;
  claimed_list served;
  state::lock held(here.guard);
  if (here.closed) return std::unexpected(error(errc::closed));
  if (pending_call* const receiver = served.claim(here.receivers, rt::wake_reason::partner)) {
    if (here.copies()) {
      std::memcpy(receiver->value, value, here.type.size);
      return {};
    }
    const auto move = here.type.move;
    held.unlock();
    move(receiver->value, value);
    return {};
  }
  if (here.free_count > 0) {
    const std::uint32_t cell = here.free[--here.free_count];
    ++here.filling;
    here.carry(here.at(cell), value, held);
    here.settle(cell, true, held, served);
    return {};
  }
  if (!how.may_wait) return std::unexpected(error(std::errc::operation_would_block));
  rt::parker& parked = rt::this_parker();
  rt::park_begin(parked, {.kind = rt::wait_kind::send,
                          .on = this,
                          .until = rt::park_time(how.until),
                          .stoppable = true});
  pending_call self(parked, value);
  return here.wait(here.senders, self, held);
}

result<void> channel_core::receive(void* into, const patience& how) noexcept {
  if (how.may_wait && rt::stop_requested()) {
    return std::unexpected(error(errc::operation_canceled));
  }
  state& here = *state_;
  claimed_list served;
  state::lock held(here.guard);
  if (here.full_count > 0) {
    const std::uint32_t cell = here.take_full();
    here.carry_out(into, cell, held);
    here.settle(cell, false, held, served);
    rt::race_acquire(state_.get());
    return {};
  }
  if (pending_call* const sender = served.claim(here.senders, rt::wake_reason::partner)) {
    rt::race_acquire(state_.get());
    if (here.copies()) {
      std::memcpy(into, sender->value, here.type.size);
      return {};
    }
    const auto move = here.type.move;
    held.unlock();
    move(into, sender->value);
    return {};
  }
  if (here.closed && here.filling == 0) return std::unexpected(error(errc::closed));
  if (!how.may_wait) return std::unexpected(error(std::errc::operation_would_block));
  rt::parker& parked = rt::this_parker();
  rt::park_begin(parked, {.kind = rt::wait_kind::receive,
                          .on = this,
                          .until = rt::park_time(how.until),
                          .stoppable = true});
  pending_call self(parked, into);
  return here.wait(here.receivers, self, held);
}

void channel_core::close() {
  state& here = *state_;
  claimed_list ended;
  {
    const std::lock_guard held(here.guard);
    if (!here.closed) {
      here.closed = true;
      ended.claim_all(here.senders, rt::wake_reason::closed);
      here.note_end(ended);
      return;
    }
  }
  throw_logic_error("sluice: a channel was closed twice");
}

bool channel_core::is_closed() const noexcept {
  const std::lock_guard held(state_->guard);
  return state_->closed;
}

std::size_t channel_core::size() const noexcept {
  const std::lock_guard held(state_->guard);
  return state_->full_count;
}

std::size_t channel_core::capacity() const noexcept { return state_->full.size(); }

}  // namespace sluice::detail
