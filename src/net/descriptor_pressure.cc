#include "net/descriptor_pressure.h"

#include <mutex>

namespace sluice::net {

descriptor_pressure& descriptor_pressure::instance() noexcept {
  static constinit descriptor_pressure pressure;
  return pressure;
}

void descriptor_pressure::wait(std::uint32_t ticket, std::int64_t until) noexcept {
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::accept, .until = until});
  rt::wait_node node(self);
  bool too_late = false;
  {
    const std::lock_guard guard(mutex_);
    waiters_.fetch_add(1, std::memory_order_seq_cst);              // [A]
    too_late = closes_.load(std::memory_order_seq_cst) != ticket;  // [B]
    queue_.push_back(node);
  }
  const bool give_up = too_late || rt::park_interrupted(self);
  if (!give_up || !rt::park_withdraw(self)) rt::park(self);
  const std::lock_guard guard(mutex_);
  waiters_.fetch_sub(1, std::memory_order_relaxed);
  queue_.remove(node);
}

void descriptor_pressure::relieve() noexcept {
  closes_.fetch_add(1, std::memory_order_seq_cst);                 // [C]
  if (waiters_.load(std::memory_order_seq_cst) != 0) wake(false);  // [D]
}

void descriptor_pressure::nudge() noexcept {
  closes_.fetch_add(1, std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) != 0) wake(true);
}

void descriptor_pressure::wake(bool everybody) noexcept {
  for (;;) {
    rt::wait_list::wake_outcome woken;
    {
      const std::lock_guard guard(mutex_);
      woken = queue_.wake_one(rt::wake_reason::partner);
    }
    if (!woken.found) return;
    rt::wait_list::finish_wake(woken);
    if (!everybody) return;
  }
}

}  // namespace sluice::net
