// join_word.h: a fiber's end, who waits for it, and who owns what the two share. One waiter at a
// time: a handle has one owner.
//
//   state      means                            left by (operation -> next state)
//   running    the fiber may still run          waiter enter -> waiting; fiber finish -> ended;
//                                               handle abandon -> abandoned
//   waiting    somebody waits: {who, epoch}     waiter leave -> running; fiber finish -> ending
//   ending     the fiber reads the epoch        fiber, at once -> ended; whoever is returned
//                                               competes for that park
//   ended      the fiber has left its function  nobody; the handle owns the memory
//   abandoned  there is no handle any more      nobody; the fiber owns the memory
//
// Beside the state stands a count of stoppers, who use the fiber's control block: while there are
// any, finish waits, so the block serves no other fiber. `ending` keeps a waiter that was woken by
// somebody else from freeing the memory under the fiber.
//
// Waiter:   1 begin the park   2 enter [A]; false: ended, withdraw   3 park, or withdraw   4 leave
//           5 unless is_ended, again; once it is, the memory is the handle's
// Fiber:    1 store the result   2 finish [B]   3 wake who it returned, or free the memory if it is
//           told that there is no handle; else it does not touch the memory again
// Handle:   abandon [E]; true: it is the fiber's memory now; false: it has ended, free it
// Stopper:  1 begin_stop [C]; false: ended   2 stop the fiber   3 end_stop [D]
//
// [A] releases the epoch, [B] acquires it and releases the result; a waiter that has left and
// entered again has published the later epoch with the later [A], and one that finds `ended` writes
// none. Who waits is a parker, which is type-stable memory, so a late claim reads what is valid and
// fails. [B] acquires [D]: what the stopper did to the block comes before its next fiber.
//
// Rejected: a lock around all of it, a list of waiters (seven locked instructions for a join where
// this takes two), and a std::shared_ptr for the memory (four more, to find out what the word
// knows: who comes last).
#pragma once

#include <cstdint>

#include "base/atomics.h"

namespace sluice::rt {

template <class Atomics>
class basic_join_word {
 public:
  // How a fiber's end was taken: there is no handle, nobody waits, or `who` does.
  struct ending {
    bool abandoned = false;
    std::uint64_t who = 0;
    std::uint32_t epoch = 0;
  };

  // Waiter. `who` is an address: not 0, below 2^48, even. False: ended. [A]
  [[nodiscard]] bool enter(std::uint64_t who, std::uint32_t epoch) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    if (state_of(now) != running) return false;
    epoch_.store(epoch, std::memory_order_relaxed);
    while (state_of(now) == running) {
      if (word_.compare_exchange_weak(now, now | who, std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Waiter: stands there no more.
  void leave(std::uint64_t who) noexcept {
    // relaxed: carries nothing.
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while (state_of(now) == who) {
      if (word_.compare_exchange_weak(now, now - who, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        return;
      }
    }
  }

  [[nodiscard]] bool is_ended() const noexcept {
    // acquire: pairs with [B]; the result is there.
    return state_of(word_.load(std::memory_order_acquire)) == ended;
  }

  // Fiber: the end. `relax` is called while somebody is stopping the fiber. [B]
  template <class Relax>
  [[nodiscard]] ending finish(Relax relax) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (now >= one_stopper) {
        relax();
        now = word_.load(std::memory_order_relaxed);
        continue;
      }
      const bool waiting = now != running && now != abandoned;
      // acq_rel: releases the result; acquires [A], [D] and [E].
      if (!word_.compare_exchange_weak(now, waiting ? ending_state : ended,
                                       std::memory_order_acq_rel, std::memory_order_relaxed)) {
        continue;
      }
      if (!waiting) return {.abandoned = now == abandoned};
      // relaxed: [B] has acquired it.
      const ending found{.who = now, .epoch = epoch_.load(std::memory_order_relaxed)};
      // release: as [B]. A store, since nobody changes `ending`.
      word_.store(ended, std::memory_order_release);
      return found;
    }
  }

  // Handle: goes away without a join; nobody waits. True: the fiber frees the memory. `relax` is
  // called while the fiber is `ending`. [E]
  template <class Relax>
  [[nodiscard]] bool abandon(Relax relax) noexcept {
    std::uint64_t now = running;
    // release: what the handle did before; acquire: pairs with [B].
    while (!word_.compare_exchange_weak(now, abandoned, std::memory_order_release,
                                        std::memory_order_acquire)) {
      if (now == ended) return false;
      if (now == ending_state) relax();
      now = running;
    }
    return true;
  }

  // Any thread that holds the handle: true: the control block stays this fiber's until end_stop.
  // [C]
  [[nodiscard]] bool begin_stop() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    do {
      if (state_of(now) == ended || state_of(now) == ending_state) return false;
      // acquire: nothing of the stop comes before it; [D] keeps the rest.
    } while (!word_.compare_exchange_weak(now, now + one_stopper, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return true;
  }
  void end_stop() noexcept {
    // release: the fiber's block is let go; pairs with [B]. [D]
    word_.fetch_sub(one_stopper, std::memory_order_release);
  }

 private:
  static constexpr std::uint64_t running = 0;
  static constexpr std::uint64_t ended = 1;
  static constexpr std::uint64_t abandoned = 3;
  static constexpr std::uint64_t ending_state = 5;
  static constexpr std::uint64_t one_stopper = std::uint64_t{1} << 48;

  static std::uint64_t state_of(std::uint64_t word) noexcept { return word & (one_stopper - 1); }

  typename Atomics::template atomic<std::uint64_t> word_{running};
  typename Atomics::template atomic<std::uint32_t> epoch_{0};
};

using join_word = basic_join_word<real_atomics>;

}  // namespace sluice::rt
