// join_word.h: a fiber's end, and who waits for it. One waiter at a time: a handle has one owner.
//
//   state    means                            left by (operation -> next state)
//   running  the fiber may still run          waiter enter -> waiting; fiber finish -> ended
//   waiting  somebody waits: {who, epoch}     waiter leave -> running; fiber finish -> ended, and
//                                             whoever is returned competes for that park
//   ended    the fiber has left its function  nobody
//
// Waiter:   1 begin the park   2 enter [A]; false: ended, withdraw   3 park, or withdraw   4 leave
//           5 unless is_ended, again
// Fiber:    1 store the result   2 finish [B]   3 wake who it returned   4 wait until nobody
//           being_stopped [D]; its control block may serve another after that
// Stopper:  1 begin_stop [C]; false: ended   2 stop the fiber   3 end_stop
//
// [A] releases the epoch, [B] acquires it and releases the result; a waiter that has left and
// entered again has published the later epoch with the later [A], and one that finds `ended` writes
// none. Who waits is a parker, which is type-stable memory, so a late claim reads what is valid and
// fails. [C] and [D] are seq_cst, each before a look at the other's word: either the stopper sees
// `ended` or the fiber sees the stopper.
//
// Rejected: a lock around all of it, and a list of waiters (seven locked instructions for a join
// where this takes two).
#pragma once

#include <cstdint>
#include <optional>

#include "base/atomics.h"

namespace sluice::rt {

template <class Atomics>
class basic_join_word {
 public:
  struct waiting {
    std::uint64_t who = 0;
    std::uint32_t epoch = 0;
  };

  // Waiter. `who` is none of the two values below; a pointer is not. False: ended. [A]
  [[nodiscard]] bool enter(std::uint64_t who, std::uint32_t epoch) noexcept {
    epoch_.store(epoch, std::memory_order_relaxed);
    std::uint64_t expected = running;
    return word_.compare_exchange_strong(expected, who, std::memory_order_release,
                                         std::memory_order_relaxed);
  }

  // Waiter: stands there no more.
  void leave(std::uint64_t who) noexcept {
    // relaxed: carries nothing.
    if (word_.load(std::memory_order_relaxed) != who) return;
    word_.compare_exchange_strong(who, running, std::memory_order_relaxed,
                                  std::memory_order_relaxed);
  }

  [[nodiscard]] bool is_ended() const noexcept {
    // acquire: pairs with [B]; the result is there.
    return word_.load(std::memory_order_acquire) == ended;
  }

  // Fiber: the end; returns the park to compete for. [B]
  [[nodiscard]] std::optional<waiting> finish() noexcept {
    const std::uint64_t before = word_.exchange(ended, std::memory_order_seq_cst);
    if (before == running) return std::nullopt;
    // relaxed: [B] has acquired it.
    return waiting{before, epoch_.load(std::memory_order_relaxed)};
  }

  // Fiber, after finish. [D]
  [[nodiscard]] bool being_stopped() const noexcept {
    return stoppers_.load(std::memory_order_seq_cst) != 0;
  }

  // Any thread that holds the handle: true: the control block stays this fiber's until end_stop.
  [[nodiscard]] bool begin_stop() noexcept {
    stoppers_.fetch_add(1, std::memory_order_seq_cst);  // [C]
    if (word_.load(std::memory_order_seq_cst) != ended) return true;
    end_stop();
    return false;
  }
  void end_stop() noexcept {
    // release: the fiber's block is let go; pairs with [D].
    stoppers_.fetch_sub(1, std::memory_order_release);
  }

 private:
  static constexpr std::uint64_t running = 0;
  static constexpr std::uint64_t ended = 1;

  typename Atomics::template atomic<std::uint64_t> word_{running};
  typename Atomics::template atomic<std::uint32_t> epoch_{0};
  typename Atomics::template atomic<std::uint32_t> stoppers_{0};
};

using join_word = basic_join_word<real_atomics>;

}  // namespace sluice::rt
