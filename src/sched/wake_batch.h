// wake_batch.h: waking everybody in one hold of the guard. Those who were claimed are made runnable
// after it, so that they do not run into the guard; what does not fit is made runnable under it.
//
// Rejected: one hold for each waiter (the object may be destroyed by the first who is awake), and
// chaining them through their nodes (a plain thread's frame may go as soon as it is claimed).
#pragma once

#include <array>
#include <cstddef>

#include "sched/wait_list.h"

namespace sluice::rt {

class wake_batch {
 public:
  wake_batch() = default;
  wake_batch(const wake_batch&) = delete;
  wake_batch& operator=(const wake_batch&) = delete;
  ~wake_batch() { finish(); }

  // Under the guard of `waiters`.
  void wake_all(wait_list& waiters, wake_reason reason) noexcept {
    for (;;) {
      const wait_list::wake_outcome outcome = waiters.wake_one(reason);
      if (!outcome.found) return;
      if (outcome.to_ready == nullptr) continue;
      if (is_full()) finish();
      add(*outcome.to_ready);
    }
  }

  // One that the caller has claimed himself. Not when it is full.
  void add(parker& claimed) noexcept { to_ready_[count_++] = &claimed; }
  [[nodiscard]] bool is_full() const noexcept { return count_ == to_ready_.size(); }

  // Makes runnable who was claimed so far; the guard had better be free.
  void finish() noexcept {
    for (std::size_t i = 0; i < count_; ++i) ready(*to_ready_[i]);
    count_ = 0;
  }

 private:
  std::array<parker*, 16> to_ready_{};
  std::size_t count_ = 0;
};

}  // namespace sluice::rt
