// gate.h: what a processor owns (queue, next slot, caches) is touched only inside the gate, so that
// the monitor can take the processor from a worker that is stuck outside it.
//
// Each worker has two words.
//
//   state     means                                     left by
//   user      in user code, or in a system call         worker enter -> runtime
//   runtime   inside the gate                           worker leave -> user
//   polling   asleep or polling in the shard; never     worker leave -> user, enter -> runtime
//             taken: its sleeper is woken instead
//
//   claim     means                                     left by (operation -> next state)
//   owned     the worker has its processor              monitor ask -> asked; worker offer ->
//                                                       offered
//   asked     the monitor is looking                    worker enter -> owned; monitor take ->
//                                                       taken, or withdraw -> owned
//   offered   the worker announced a blocking call      anybody accept -> taken; worker
//                                                       return -> owned
//   taken     the processor is somebody else's          worker, by the slow path, once it has a
//                                                       processor again: reset -> owned
//
// Enter:    1 state = runtime [A]   2 fence against the compiler   3 load claim [B]: owned, inside;
//           asked, compare-and-swap to owned and inside; else the slow path
// Leave:    state = user (release) [C]
// Monitor:  1 compare-and-swap owned -> asked   2 membarrier   3 load state [D]: user, compare-and-
//           swap asked -> taken, and what the processor owns is the monitor's; else back to owned
//
// The asymmetric form pays no read-modify-write on the fast path: the monitor's membarrier makes
// every thread of the process execute a full fence between its steps 1 and 3, so that either the
// worker's step 3 sees `asked` or the monitor's step 3 sees `runtime`. The symmetric form exchanges
// in step 1 instead of storing (6 ns) and needs no help from the system: for ThreadSanitizer, for
// systems without membarrier, and where it is refused. Never nested; signal handlers never enter.
//
// One asker at a time, which `asking` sees to from step 1 to step 3 [F] [G]. Two would do this: the
// first looks and finds `user`, the worker enters and takes the word back, the second asks, and the
// first one's compare-and-swap finds `asked` again and takes a processor that is in use.
//
// Without the membarrier, 246,750 of 275 million stressed entries were lost, so it is not optional.
#pragma once

#include <cstdint>

#include "base/atomics.h"

namespace sluice::rt {

enum class gate_state : std::uint32_t { user, runtime, polling };
enum class gate_claim : std::uint32_t { owned, asked, offered, taken };

template <class Atomics>
class basic_gate {
 public:
  // Worker: true: inside, with its processor. False: the processor was taken; the slow path. [A][B]
  [[nodiscard]] bool enter(bool symmetric) noexcept {
    return enter_as(gate_state::runtime, symmetric);
  }

  // Worker: as enter, around a poll.
  [[nodiscard]] bool enter_polling(bool symmetric) noexcept {
    return enter_as(gate_state::polling, symmetric);
  }

  // Worker, inside: between runtime and polling, which both hold the processor.
  void become(gate_state next) noexcept {
    // relaxed: the monitor treats both alike, it takes from `user` only.
    state_.store(next, std::memory_order_relaxed);
  }

  // Worker: outside again. [C]
  void leave() noexcept {
    // release: pairs with [D], what was done inside is visible to whoever takes the processor.
    state_.store(gate_state::user, std::memory_order_release);
  }

  // Worker: announces a blocking call; the processor may be taken without a membarrier.
  void offer() noexcept {
    gate_claim expected = gate_claim::owned;
    // release: pairs with accept's acquire. One of the two always succeeds, or the monitor took it.
    while (!claim_.compare_exchange_weak(expected, gate_claim::offered, std::memory_order_release,
                                         std::memory_order_relaxed)) {
      if (expected == gate_claim::taken) return;
    }
  }

  // Worker, back from the blocking call: true: still its processor.
  [[nodiscard]] bool end_offer() noexcept {
    gate_claim expected = gate_claim::offered;
    // acquire on both paths: a taker may have used the processor meanwhile.
    return claim_.compare_exchange_strong(expected, gate_claim::owned, std::memory_order_acquire,
                                          std::memory_order_acquire);
  }

  // Anybody: takes what was offered. True: the processor is the caller's.
  [[nodiscard]] bool accept() noexcept {
    gate_claim expected = gate_claim::offered;
    // acquire: pairs with offer's release.
    return claim_.compare_exchange_strong(expected, gate_claim::taken, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  // Monitor, or a thief: step 1. True: asked, go on with the barrier and finish_ask. False: the
  // processor is not to be had, or somebody else is asking.
  [[nodiscard]] bool ask() noexcept {
    // acquire: pairs with [G]; the last asker is through. [F]
    if (asking_.exchange(true, std::memory_order_acquire)) return false;
    gate_claim expected = gate_claim::owned;
    // seq_cst: pairs with the exchange of the symmetric [A]; the asymmetric form has the barrier.
    const bool asked = claim_.compare_exchange_strong(
        expected, gate_claim::asked, std::memory_order_seq_cst, std::memory_order_relaxed);
    if (!asked) end_asking();
    return asked;
  }

  // Monitor: step 3, after the barrier. True: the processor is the caller's. [D]
  [[nodiscard]] bool finish_ask() noexcept {
    // seq_cst: pairs with [A]; also acquires [C].
    const bool outside = state_.load(std::memory_order_seq_cst) == gate_state::user;
    gate_claim expected = gate_claim::asked;
    // acq_rel: whoever takes sees what was done inside; a withdrawal gives the word back.
    const bool swapped =
        claim_.compare_exchange_strong(expected, outside ? gate_claim::taken : gate_claim::owned,
                                       std::memory_order_acq_rel, std::memory_order_relaxed);
    end_asking();
    return swapped && outside;
  }

  // Worker, in the slow path, once it has a processor again.
  void reset() noexcept {
    // release: pairs with the next ask.
    claim_.store(gate_claim::owned, std::memory_order_release);
  }

  // For dumps and the monitor's first look: racy.
  [[nodiscard]] gate_state state() const noexcept { return state_.load(std::memory_order_relaxed); }

 private:
  void end_asking() noexcept {
    // release: not before the compare-and-swap of either step. [G]
    asking_.store(false, std::memory_order_release);
  }

  bool enter_as(gate_state next, bool symmetric) noexcept {
    if (symmetric) {
      // seq_cst: a full fence before [B]; pairs with ask and [D].
      state_.exchange(next, std::memory_order_seq_cst);
    } else {
      // relaxed: the monitor's membarrier stands in for the fence. [A]
      state_.store(next, std::memory_order_relaxed);
      Atomics::signal_fence();
    }
    // acquire: pairs with reset and with a withdrawal; seq_cst in the symmetric form, where the
    // exchange before it orders it. [B]
    const gate_claim claim = claim_.load(std::memory_order_seq_cst);
    if (claim == gate_claim::owned) [[likely]] {
      return true;
    }
    return enter_contended();
  }

  bool enter_contended() noexcept {
    gate_claim expected = gate_claim::asked;
    // acq_rel: takes the word back from an asker that has not decided yet. A withdrawal may come
    // first, which is as good.
    if (claim_.compare_exchange_strong(expected, gate_claim::owned, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return true;
    }
    if (expected == gate_claim::owned) return true;
    // acquire above; the worker is outside again, since what it would touch is not its own.
    state_.store(gate_state::user, std::memory_order_release);
    return false;
  }

  typename Atomics::template atomic<gate_state> state_{gate_state::user};
  typename Atomics::template atomic<gate_claim> claim_{gate_claim::owned};
  typename Atomics::template atomic<bool> asking_{false};
};

using gate = basic_gate<real_atomics>;

}  // namespace sluice::rt
