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
#include "sluice/channel.h"

#include <cstring>
#include <limits>
#include <mutex>

#include "base/bug.h"
#include "sched/park_time.h"
#include "sluice/fiber.h"
#include "sync/channel_state.h"

namespace sluice::detail {
namespace {

constexpr std::ptrdiff_t most = std::numeric_limits<std::int32_t>::max();

std::size_t checked(std::ptrdiff_t capacity) {
  if (capacity < 0 || capacity > most) {
    throw_logic_error("sluice: a channel has room for between 0 and 2^31 - 1 values");
  }
  return static_cast<std::size_t>(capacity);
}

}  // namespace

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
  if (why == rt::wake_reason::partner) return {};
  // Whoever claimed it has unlinked it, and may have been the last to see the channel.
  if (why != rt::wake_reason::closed) {
    held.lock();
    queue.remove(self);
    held.unlock();
  }
  return std::unexpected(error(rt::cut_short_by(why)));
}

channel_core::channel_core(const element_type& type, std::ptrdiff_t capacity)
    : state_(std::make_unique<state>(type, checked(capacity))) {}

channel_core::~channel_core() {
  state& here = *state_;
  {
    // Passes through the guard behind whoever used it last.
    const std::lock_guard held(here.guard);
#ifndef NDEBUG
    if (!here.senders.empty() || !here.receivers.empty()) {
      misuse("a channel was destroyed while somebody waits on it");
    }
#endif
  }
  while (here.full_count > 0) here.type.destroy(here.at(here.take_full()));
}

result<void> channel_core::send(void* value, const patience& how) noexcept {
  if (how.may_wait) {
    if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  }
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
  if (how.may_wait) {
    if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  }
  state& here = *state_;
  claimed_list served;
  state::lock held(here.guard);
  if (here.full_count > 0) {
    const std::uint32_t cell = here.take_full();
    here.carry_out(into, cell, held);
    here.settle(cell, false, held, served);
    return {};
  }
  if (pending_call* const sender = served.claim(here.senders, rt::wake_reason::partner)) {
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
