// join.cc: what a fiber<T> handle and its fiber share.
//
//   state     means                     left by
//   running   the fiber may still run   finished(), under the lock -> ended
//   ended     it has left its function; the control block may serve another already
//
// Everything is guarded by the lock, so a request to stop either finds the fiber running, and its
// control block is still its own, or does nothing.
#include <mutex>
#include <new>
#include <stdexcept>

#include "sched/spawn.h"
#include "sched/wait_list.h"
#include "sluice/fiber.h"

namespace sluice::detail {

struct join_state::internals {
  rt::spin_lock lock;
  bool ended = false;                    // GUARDED_BY(lock)
  rt::wait_list waiters;                 // GUARDED_BY(lock)
  rt::control_block* control = nullptr;  // GUARDED_BY(lock)
  std::uint64_t id = 0;                  // immutable once the fiber runs
};

join_state::join_state() noexcept {
  static_assert(sizeof(internals) <= sizeof(memory_) && alignof(internals) <= 8);
  ::new (static_cast<void*>(memory_)) internals;
}

join_state::~join_state() { inside().~internals(); }

join_state::internals& join_state::inside() const noexcept {
  return *std::launder(const_cast<internals*>(reinterpret_cast<const internals*>(memory_)));
}

void join_state::started(const spawn_slot& slot) noexcept {
  internals& self = inside();
  self.control = static_cast<rt::control_block*>(slot.control);
  self.id = self.control->number;
}

void join_state::finished() noexcept {
  internals& self = inside();
  rt::race_release(this);
  for (bool more = true; more;) {
    rt::wait_list::wake_outcome woken;
    {
      const std::lock_guard guard(self.lock);
      self.ended = true;
      self.control = nullptr;
      woken = self.waiters.wake_one(rt::wake_reason::partner);
      // Nobody queues any more once `ended` is set.
      more = !self.waiters.empty();
    }
    rt::wait_list::finish_wake(woken);
  }
}

void join_state::request_stop() noexcept {
  internals& self = inside();
  const std::lock_guard guard(self.lock);
  if (self.control != nullptr) rt::stop_fiber(*self.control);
}

bool join_state::is_self() const noexcept {
  const rt::control_block* const fiber = rt::this_fiber_or_null();
  return fiber != nullptr && fiber->number == inside().id;
}

std::uint64_t join_state::fiber_id() const noexcept { return inside().id; }

result<void> join_state::wait(bool stoppable) {
  internals& self = inside();
  rt::parker& waiter = rt::this_parker();
  for (;;) {
    if (stoppable && rt::stop_requested()) return std::unexpected(error(errc::operation_canceled));
    rt::park_begin(waiter, {.kind = rt::wait_kind::join, .on = this, .stoppable = stoppable});
    rt::wait_node node(waiter);
    bool ended = false;
    {
      const std::lock_guard guard(self.lock);
      ended = self.ended;
      if (!ended) self.waiters.push_back(node);
    }
    const bool give_up = ended || (stoppable && rt::park_interrupted(waiter));
    if (!give_up || !rt::park_withdraw(waiter)) (void)rt::park(waiter);
    const std::lock_guard guard(self.lock);
    self.waiters.remove(node);
    if (self.ended) break;
  }
  rt::race_acquire(this);
  return {};
}

void throw_logic_error(const char* sentence) { throw std::logic_error(sentence); }

}  // namespace sluice::detail
