// ping_pong.h: two fibers that do nothing but wake each other, by the bare recipe of park_word.h.
#pragma once

#include <atomic>
#include <cstdint>

#include "sched/park.h"

namespace sluice::testing {

// One ball between two fibers: each waits until it is its turn.
class ping_pong {
 public:
  // Plays until `done` says so; the other side is told to leave as well.
  template <class Done>
  void play(int side, Done&& done) {
    while (!over_.load()) {
      if (done()) over_.store(true);
      turn_.store(1 - side);
      wake(1 - side);
      if (over_.load()) return;
      wait(side);
    }
  }

  [[nodiscard]] std::int64_t rounds() const { return rounds_.load(); }

 private:
  void wait(int side) {
    rt::parker& self = rt::this_parker();
    while (turn_.load() != side && !over_.load()) {
      rt::park_begin(self, {.kind = rt::wait_kind::condition, .on = this});
      epochs_[side].store(self.word.epoch());
      parkers_[side].store(&self);
      const bool go_on = turn_.load() == side || over_.load() || rt::park_interrupted(self);
      if (!go_on || !rt::park_withdraw(self)) (void)rt::park(self);
      if (rt::stop_reason()) over_.store(true);
    }
    rounds_.fetch_add(1);
  }

  void wake(int side) {
    if (rt::parker* other = parkers_[side].exchange(nullptr)) {
      (void)rt::wake(*other, epochs_[side].load(), rt::wake_reason::partner);
    }
  }

  // seq_cst, all: a test, not a hot path.
  std::atomic<int> turn_{0};
  std::atomic<bool> over_{false};
  std::atomic<std::int64_t> rounds_{0};
  std::atomic<rt::parker*> parkers_[2] = {};
  std::atomic<std::uint32_t> epochs_[2] = {};
};

}  // namespace sluice::testing
