// park_word.h: one claim per park. A waiting fiber can be woken by its partner, by readiness, by
// its deadline, by a request to stop or by the end of the program; exactly one of them wins.
//
// The word is {epoch:32, reason:8, flags}. The epoch counts this fiber's parks, so that a waker
// that comes late names a park that is over, and loses.
//
//   state     flags               means                      left by (operation -> next state)
//   running   none                not parked                 owner begin -> waiting
//   waiting   waiting             will park or is parking;   claim -> woken; owner withdraw ->
//                                 its stack may still run    running (epoch + 1); worker save
//                                                            -> waiting+saved; with saved: onlooker
//                                                            borrow -> -saved
//   woken     woken, reason       somebody won and may still winner release -> +released;
//                                 touch the frame            worker save -> +saved
//   done      woken+saved+        the second of save and     owner finish -> running (epoch + 1)
//             released            release made it runnable
//
// `stoppable` beside `waiting` admits a claim_stop: a shielded park and the standard's void waits
// leave it out. The frame belongs to the fiber in `running`, to nobody but the winner from `woken`
// to `released`. Control blocks are type-stable, so a stale claim reads valid memory and fails.
//
// Waiter's recipe:  1 begin [A]   2 enter the slot or queue   3 load the reasons to stop (seq_cst)
//                   4 none: switch away, the worker calls save [C]; one: leave the slot, withdraw,
//                     and when that fails (somebody won) go on with 4 as if there were none
//                   5 after resuming: leave the slot if still in it, finish
// Waker's recipe:   1 publish what the waiter will look for   2 find {fiber, epoch}
//                   3 claim [B]   4 finish with the frame   5 release [D]; true: make it runnable
// Canceller:        1 store the flag (seq_cst)   2 claim_stop [E]   3 release [D]
// Onlooker:         1 borrow [F]   2 read the stack   3 save [C]; true: make it runnable
//
// [A] and [E] are seq_cst, as are the flag's store and load, so that one side sees the other.
// [B] acquires what the waiter wrote before [A]. [C] and [D] are acq_rel: whichever comes second
// sees both the saved context and the winner's last word on the frame. [F] puts a parked fiber back
// to before its [C], which the onlooker does again: whoever wakes it meanwhile leaves it to him, as
// to a worker that is not done with the switch.
//
// Rejected: a `parking` state with a spinning waker (a waker would wait for a switch on another
// CPU), and an object per wait (an allocation, or a lifetime, for every park).
#pragma once

#include <cstdint>

#include "base/atomics.h"
#include "poller/wait_slot.h"

namespace sluice::rt {

// Why a park ended. A hint: every waiting loop looks at its condition again.
enum class wake_reason : std::uint8_t { partner = 1, ready, deadline, stop, closed };

// What a claim that also releases came to.
enum class claim_result : std::uint8_t {
  lost,      // somebody else won, or the park is over
  won,       // ours; the worker that saves the fiber will make it runnable
  runnable,  // ours, and the context is saved: the caller must make it runnable
};

template <class Atomics>
class basic_park_word {
 public:
  static constexpr std::uint64_t waiting = 1;
  static constexpr std::uint64_t woken = 2;
  static constexpr std::uint64_t saved = 4;
  static constexpr std::uint64_t released = 8;
  static constexpr std::uint64_t stoppable = 16;

  explicit basic_park_word(std::uint32_t first_epoch = 0) noexcept
      : word_(std::uint64_t{first_epoch} << epoch_shift) {}

  // Before anybody can park: goes on from the epoch of an earlier life.
  void restart(std::uint32_t epoch) noexcept {
    word_.store(std::uint64_t{epoch} << epoch_shift, std::memory_order_relaxed);
  }

  // Owner only: the park that begin() starts, or the one that is going on.
  [[nodiscard]] std::uint32_t epoch() const noexcept {
    // relaxed: the epoch changes by the owner's hand only.
    return epoch_of(word_.load(std::memory_order_relaxed));
  }

  // Owner: starts a park. [A]
  void begin(bool can_stop) noexcept {
    // relaxed load: owner's own value. seq_cst store: see the recipes; pairs with [B] and [E].
    const std::uint64_t now = word_.load(std::memory_order_relaxed);
    word_.store((now & epoch_mask) | waiting | (can_stop ? stoppable : 0),
                std::memory_order_seq_cst);
  }

  // Any thread: competes for the park. True: the caller won and must call release(). [B]
  [[nodiscard]] bool claim(std::uint32_t epoch, wake_reason reason) noexcept {
    return take(epoch, reason, 0, 0) != claim_result::lost;
  }

  // Any thread: claim and release in one step, for a waker that has no business with the frame.
  [[nodiscard]] claim_result claim_and_release(std::uint32_t epoch, wake_reason reason) noexcept {
    return take(epoch, reason, 0, released);
  }

  // Any thread: competes for whatever park is going on, if it may be stopped. [E]
  [[nodiscard]] claim_result claim_stop() noexcept {
    return claim_stop([] { return true; });
  }
  // The same if `admits()` says so of what the owner wrote before [A]. Only of a park that had
  // begun by then: one that begins meanwhile has the epoch that was read, and is none of the
  // caller's business, since its owner sees the flag. A later one is lost by its epoch.
  template <class Admits>
  [[nodiscard]] claim_result claim_stop(Admits admits) noexcept {
    // seq_cst: pairs with [A]; either this load sees the park or the fiber sees the flag.
    const std::uint64_t now = word_.load(std::memory_order_seq_cst);
    if ((now & waiting) == 0 || !admits()) return claim_result::lost;
    return take(epoch_of(now), wake_reason::stop, stoppable, released);
  }

  // Any thread: the epoch of a park that is waiting now; false if none is.
  [[nodiscard]] bool waiting_epoch(std::uint32_t& epoch) const noexcept {
    // acquire: pairs with [A], what was written before the park is visible.
    const std::uint64_t now = word_.load(std::memory_order_acquire);
    epoch = epoch_of(now);
    return (now & waiting) != 0;
  }

  // Winner: has finished with the frame. True: the caller must make the fiber runnable. [D]
  [[nodiscard]] bool release() noexcept {
    // acq_rel: gives the frame back, and takes the saved context; pairs with [C].
    return (word_.fetch_or(released, std::memory_order_acq_rel) & saved) != 0;
  }

  // Worker, after the switch away: true: somebody has released already, make it runnable. [C]
  [[nodiscard]] bool save() noexcept {
    // acq_rel: gives the context away, and takes the frame back; pairs with [D].
    return (word_.fetch_or(saved, std::memory_order_acq_rel) & released) != 0;
  }

  // Any thread: the fiber waits, and nobody runs it before the caller has called save(), and made
  // it runnable if that says so. Its stack may be read meanwhile; a waker may write to its frame.
  // [F]
  [[nodiscard]] bool borrow() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & (waiting | saved)) == (waiting | saved)) {
      // acquire: takes the saved context; pairs with [C].
      if (word_.compare_exchange_weak(now, now & ~saved, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Owner, still running: gives the park up. False: somebody won; the fiber must switch away.
  [[nodiscard]] bool withdraw() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    // acquire on failure: the winner's claim [B] happened before what the owner does next.
    while ((now & waiting) != 0) {
      if (word_.compare_exchange_weak(now, next_epoch(now), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  // Owner, after resuming: ends the park and says who won.
  wake_reason finish() noexcept {
    // relaxed: the run queue that handed the fiber over has ordered everything before it, and a
    // late claim fails on the flags before, and on the epoch after this store.
    const std::uint64_t now = word_.load(std::memory_order_relaxed);
    word_.store(next_epoch(now), std::memory_order_relaxed);
    return static_cast<wake_reason>((now >> reason_shift) & 0xff);
  }

  // Plain threads sleep on the half that holds the flags: it changes whenever the park does.
  [[nodiscard]] std::uint32_t flags() const noexcept {
    // acquire: pairs with release() [D], for a thread that finds itself released.
    return static_cast<std::uint32_t>(word_.load(std::memory_order_acquire));
  }
  [[nodiscard]] const void* address() const noexcept { return &word_; }

  // Whether it waits and has left its stack: whatever it does before it waits is done. Racy by
  // nature.
  [[nodiscard]] bool is_parked() const noexcept {
    // acquire: pairs with the worker's save.
    return (word_.load(std::memory_order_acquire) & (waiting | saved)) == (waiting | saved);
  }

 private:
  static constexpr int reason_shift = 8;
  static constexpr int epoch_shift = 32;
  static constexpr std::uint64_t epoch_mask = ~std::uint64_t{0} << epoch_shift;

  static std::uint32_t epoch_of(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(word >> epoch_shift);
  }
  static std::uint64_t next_epoch(std::uint64_t word) noexcept {
    return (word & epoch_mask) + (std::uint64_t{1} << epoch_shift);
  }

  claim_result take(std::uint32_t epoch, wake_reason reason, std::uint64_t needed,
                    std::uint64_t added) noexcept {
    // relaxed: the compare-and-swap checks again.
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (epoch_of(now) != epoch || (now & waiting) == 0 || (now & needed) != needed) {
        return claim_result::lost;
      }
      const std::uint64_t next = (now & (epoch_mask | saved)) | woken | added |
                                 (std::uint64_t{static_cast<std::uint8_t>(reason)} << reason_shift);
      // seq_cst: takes the frame [A] and, with released, gives it back [D]; the canceller's claim
      // must also stand in the one order of [A], the flag's store and its load.
      if (word_.compare_exchange_weak(now, next, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
        return (now & saved) != 0 ? claim_result::runnable : claim_result::won;
      }
    }
  }

  typename Atomics::template atomic<std::uint64_t> word_;
};

using park_word = basic_park_word<real_atomics>;

}  // namespace sluice::rt
