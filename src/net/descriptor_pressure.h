// descriptor_pressure.h: out of descriptors is a state, not a spin. An accepter that finds no
// descriptor free waits here, until its back-off is over or until we close one ourselves.
//
// Waiter:  1 ticket() before the call that fails   2 lock, count itself [A]   3 compare the ticket
//          with the closes so far [B]: one came in between, do not wait   4 park
// Closer:  1 close the descriptor   2 count it [C]   3 load the number of waiters [D], wake one
// All four are seq_cst: either the waiter sees the close or the closer sees the waiter.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "sched/spin_lock.h"
#include "sched/wait_list.h"

namespace sluice::net {

class descriptor_pressure {
 public:
  // The process's: descriptors are the process's.
  [[nodiscard]] static descriptor_pressure& instance() noexcept;

  [[nodiscard]] std::uint32_t ticket() const noexcept {
    return closes_.load(std::memory_order_seq_cst);
  }

  // Parks until `until` (monotonic nanoseconds), a close after `ticket`, a nudge or a stop.
  void wait(std::uint32_t ticket, std::int64_t until) noexcept;

  // A descriptor has been closed.
  void relieve() noexcept;
  // Everybody who waits looks at his reasons again: a listener is closing or has a new deadline.
  void nudge() noexcept;

 private:
  void wake(bool everybody) noexcept;

  std::atomic<std::uint32_t> closes_{0};
  std::atomic<std::uint32_t> waiters_{0};
  rt::spin_lock mutex_;
  rt::wait_list queue_;  // GUARDED_BY(mutex_)
};

// How long an accepter waits: 5 ms, doubled up to 1 s, and 5 ms again after a success.
class back_off {
 public:
  // Returns  the next delay. Units: nanoseconds.
  [[nodiscard]] std::int64_t next() noexcept {
    const std::int64_t delay = next_;
    next_ = delay * 2 < longest ? delay * 2 : longest;
    return delay;
  }
  void reset() noexcept { next_ = first; }

  static constexpr std::int64_t first = 5'000'000;
  static constexpr std::int64_t longest = 1'000'000'000;

 private:
  std::int64_t next_ = first;
};

}  // namespace sluice::net
