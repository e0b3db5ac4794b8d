#include "net/handle_lock.h"

#include <mutex>

namespace sluice::net {

using rt::wake_reason;

std::optional<error> handle_lock::take_turn(direction side) noexcept {
  switch (word_.try_take(side)) {
    case turn_result::taken:
      return std::nullopt;
    case turn_result::closed:
      return error(errc::closed);
    default:
      return wait_for_turn(side);
  }
}

std::optional<error> handle_lock::wait_for_turn(direction side) noexcept {
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::turn, .on = this, .stoppable = true});
  rt::wait_node node(self);
  turn_result entered = turn_result::queued;
  {
    const std::lock_guard guard(mutex_);
    entered = word_.enqueue(side);
    if (entered == turn_result::queued) queue(side).push_back(node);
  }
  if (entered != turn_result::queued) {
    // Nobody knows this park but a request to stop, whose claim ends it as well.
    if (!rt::park_withdraw(self)) rt::park(self);
    if (entered == turn_result::taken) return std::nullopt;
    return error(errc::closed);
  }
  if (rt::park_interrupted(self) && rt::park_withdraw(self)) {
    return give_up(side, node, wake_reason::stop);
  }
  const wake_reason why = rt::park(self);
  if (why == wake_reason::partner) return std::nullopt;  // the turn was handed over
  return give_up(side, node, why);
}

std::optional<error> handle_lock::give_up(direction side, rt::wait_node& node,
                                          wake_reason why) noexcept {
  rt::wait_list::wake_outcome closer;
  {
    const std::lock_guard guard(mutex_);
    queue(side).remove(node);
    closer = leave_locked(queue(side).empty() ? handle_word::queued(side) : 0);
  }
  rt::wait_list::finish_wake(closer);
  return error(rt::cut_short_by(why));
}

void handle_lock::give_turn(direction side) noexcept {
  if (word_.give_back(side)) return;
  rt::wait_list::wake_outcome next;
  rt::wait_list::wake_outcome closer;
  {
    const std::lock_guard guard(mutex_);
    next = queue(side).wake_one(wake_reason::partner);
    std::uint64_t cleared = next.found ? 0 : handle_word::locked(side);
    if (queue(side).empty()) cleared |= handle_word::queued(side);
    closer = leave_locked(cleared);
  }
  // Nothing of this object is touched any more: if the closer was woken, it may be gone.
  rt::wait_list::finish_wake(next);
  rt::wait_list::finish_wake(closer);
}

void handle_lock::leave() noexcept {
  if (word_.leave()) return;
  rt::wait_list::wake_outcome closer;
  {
    const std::lock_guard guard(mutex_);
    closer = leave_locked(0);
  }
  rt::wait_list::finish_wake(closer);
}

// The last one out wakes the closer, which cannot be gone before the lock is free again: it takes
// it once more after its park.
rt::wait_list::wake_outcome handle_lock::leave_locked(std::uint64_t cleared) noexcept {
  if (word_.leave_slowly(cleared) != 0) return {};
  return closer_.wake_one(wake_reason::partner);
}

void handle_lock::refuse_waiters() noexcept {
  for (const direction side : {direction::read, direction::write}) {
    for (;;) {
      rt::wait_list::wake_outcome woken;
      {
        const std::lock_guard guard(mutex_);
        woken = queue(side).wake_one(wake_reason::closed);
        if (queue(side).empty()) word_.dequeue(side);
      }
      if (!woken.found) break;
      rt::wait_list::finish_wake(woken);
    }
  }
}

void handle_lock::await_users() noexcept {
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::close, .on = this, .stoppable = false});
  rt::wait_node node(self);
  bool alone = false;
  {
    const std::lock_guard guard(mutex_);
    alone = word_.leave_slowly(0) == 0;
    if (!alone) closer_.push_back(node);
  }
  if (alone && rt::park_withdraw(self)) return;
  rt::park(self);
  // Whoever woke us may still hold the lock.
  const std::lock_guard guard(mutex_);
  closer_.remove(node);
}

}  // namespace sluice::net
