// wait_slot.h: where at most one fiber waits for one direction of one descriptor.
//
// The word is {generation:32, waiter:32}, so that the check whose descriptor it is and the change
// are one step. The generation is that of the poll_desc's present use; a report for an earlier use
// is dropped. The waiter's epoch stands beside the word.
//
//   state    means                               left by (operation -> next state)
//   idle     nobody waits, no report pending     waiter arm -> waiter; poller notify -> ready
//   ready    a report is pending                 waiter arm or take_token -> idle (consumes it:
//                                                a system call MUST follow, without the short-read
//                                                shortcut); notify stays
//   waiter   names a fiber that has begun a      notify -> ready; stopper cancel -> idle; the
//            park                                fiber itself, leave -> idle. Whoever takes the
//                                                waiter out competes for the fiber's park word;
//                                                a losing notify has left ready, and the report
//                                                stays for the next read
//
// Waiter's recipe:  1 begin the park   2 arm [A]   3 load the reasons to stop (seq_cst)
//                   4 switch away      5 after resuming: leave, then take_token before the call
// Notifier:         1 notify [B]       2 claim the park it returns
// Stopper:          1 store the reason (seq_cst)   2 cancel [D]   3 claim the park it returns
//
// [A] and [D] are seq_cst so that one side sees the other: either the waiter sees the reason or the
// stopper sees the waiter. [A] releases the epoch, [B] and [D] acquire it.
//
// The epoch is read AFTER the compare-and-swap that takes the waiter out. Before it would be wrong:
// the same fiber may leave and arm again in between, the swap still succeeds since the word is the
// same, and the claim names a park that is over while the new one is never woken. Afterwards it can
// only be too new, when the park taken out has ended by itself: a spurious wake-up, and waiters
// retry.
//
// Rejected: an `armed` state between the decision and the switch. The park word's `saved` already
// lets a waker win before the switch, so the slot need not know.
#pragma once

#include <cstdint>
#include <optional>

#include "base/atomics.h"

namespace sluice::rt {

// Names one park of one fiber: what a slot gives back for the scheduler to wake.
struct park_ref {
  std::uint32_t fiber = 0;
  std::uint32_t epoch = 0;
  friend bool operator==(const park_ref&, const park_ref&) = default;
};

enum class arm_result : std::uint8_t {
  armed,     // the fiber stands in the slot
  consumed,  // a report was pending and is taken: try the system call
  stale,     // the slot serves another use of the descriptor's memory, or somebody stands in it
};

template <class Atomics>
class basic_wait_slot {
 public:
  // Owner of the poll_desc, nobody else inside: starts a use.
  void open(std::uint32_t generation) noexcept {
    // release: pairs with notify's load; an old report must see the new generation, or the old one.
    word_.store(make(generation, idle), std::memory_order_release);
  }

  // Ends a use: later reports are dropped. The caller knows that nobody waits.
  void close(std::uint32_t next_generation) noexcept { open(next_generation); }

  // Waiter: steps into the slot. [A]
  [[nodiscard]] arm_result arm(std::uint32_t generation, park_ref self) noexcept {
    // relaxed: released by the compare-and-swap below.
    epoch_.store(self.epoch, std::memory_order_relaxed);
    std::uint64_t expected = make(generation, idle);
    if (word_.compare_exchange_strong(expected, make(generation, self.fiber + first_fiber),
                                      std::memory_order_seq_cst)) {
      return arm_result::armed;
    }
    if (expected != make(generation, ready)) return arm_result::stale;
    return take_token(generation) ? arm_result::consumed : arm_result::stale;
  }

  // Reader, before a system call: takes a pending report. True: one was there.
  bool take_token(std::uint32_t generation) noexcept {
    // relaxed: only this direction's one reader takes tokens; a report that comes after this load
    // stays for the next time.
    if (word_.load(std::memory_order_relaxed) != make(generation, ready)) return false;
    std::uint64_t expected = make(generation, ready);
    // acquire: pairs with notify's release, so that what the poller noted first (sticky bits) is
    // seen.
    return word_.compare_exchange_strong(expected, make(generation, idle),
                                         std::memory_order_acquire, std::memory_order_relaxed);
  }

  // Waiter, after resuming or instead of parking: steps out if it still stands there.
  void leave(std::uint32_t generation, std::uint32_t fiber) noexcept {
    std::uint64_t expected = make(generation, fiber + first_fiber);
    // relaxed: whoever took the waiter out has settled the rest through the park word.
    if (word_.load(std::memory_order_relaxed) != expected) return;
    word_.compare_exchange_strong(expected, make(generation, idle), std::memory_order_relaxed);
  }

  // Poller: a report for this generation. Returns the park to compete for, if somebody waits. [B]
  [[nodiscard]] std::optional<park_ref> notify(std::uint32_t generation) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (generation_of(now) != generation) return std::nullopt;
      if (waiter_of(now) == ready) {
        // The report merges with the pending one. The swap of equal values orders what this
        // poller noted before the reader's take_token, as the swap below does.
        if (swap(now, now)) return std::nullopt;
        continue;
      }
      const std::uint32_t waiter = waiter_of(now);
      if (swap(now, make(generation, ready))) return reference(waiter);
    }
  }

  // Stopper, after storing the reason: takes the waiter out. [D]
  [[nodiscard]] std::optional<park_ref> cancel(std::uint32_t generation) noexcept {
    // seq_cst: pairs with [A].
    std::uint64_t now = word_.load(std::memory_order_seq_cst);
    for (;;) {
      if (generation_of(now) != generation || waiter_of(now) < first_fiber) return std::nullopt;
      const std::uint32_t waiter = waiter_of(now);
      if (swap(now, make(generation, idle))) return reference(waiter);
    }
  }

  // True if a report is pending; racy, for the reader's own decisions and for dumps.
  [[nodiscard]] bool has_token() const noexcept {
    return waiter_of(word_.load(std::memory_order_relaxed)) == ready;
  }

 private:
  static constexpr std::uint32_t idle = 0;
  static constexpr std::uint32_t ready = 1;
  static constexpr std::uint32_t first_fiber = 2;

  static constexpr std::uint64_t make(std::uint32_t generation, std::uint32_t waiter) noexcept {
    return (std::uint64_t{generation} << 32) | waiter;
  }
  static constexpr std::uint32_t generation_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> 32);
  }
  static constexpr std::uint32_t waiter_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word);
  }

  bool swap(std::uint64_t& now, std::uint64_t next) noexcept {
    // acq_rel: takes the waiter's epoch [A], gives the reader what the poller noted; relaxed on
    // failure, the loop looks again.
    return word_.compare_exchange_weak(now, next, std::memory_order_acq_rel,
                                       std::memory_order_relaxed);
  }

  std::optional<park_ref> reference(std::uint32_t waiter) const noexcept {
    if (waiter < first_fiber) return std::nullopt;
    // relaxed: ordered by the swap that took the waiter out; see the head comment.
    return park_ref{waiter - first_fiber, epoch_.load(std::memory_order_relaxed)};
  }

  typename Atomics::template atomic<std::uint64_t> word_{0};
  typename Atomics::template atomic<std::uint32_t> epoch_{0};
};

using wait_slot = basic_wait_slot<real_atomics>;

}  // namespace sluice::rt
