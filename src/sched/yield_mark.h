// yield_mark.h: a fiber that yields while others are queued leaves the queue empty for a moment:
// the next one is taken out before the yielding one is put in, since its context is not saved
// before. A processor that goes to sleep in that moment must not take the queue for empty, because
// a yield wakes nobody. So a yield is counted twice, and the count is odd in between.
//
//   Yielder (owner of the queue)   1 count: odd [A]   2 take the next fiber out [B]
//                                  3 put this one in [C]   4 count: even [D]
//   Sleeper (step 2 of idle_set.h) 1 read the count [E]   2 look at the queue [F]
//                                  3 read the count again [G]
//                                  odd, a queued fiber, or another count: stay awake
//
// A sleeper that reads the same even count twice has seen everything up to the [D] that wrote it;
// if [F] had seen the [B] of a later yield, [G] would have seen its [A].
//
// Rejected: a flag instead of a count (the second of two yields hides behind the end of the first;
// the model finds it), a wake-up at each yield that finds somebody idle, with its fence (design
// 0003), and putting the fiber in before its context is saved, with a thief that waits.
#pragma once

#include <cstdint>

#include "base/atomics.h"

namespace sluice::rt {

template <class Atomics>
class basic_yield_mark {
 public:
  void begin() noexcept { count(std::memory_order_relaxed); }  // published by [B]. [A]
  void end() noexcept { count(std::memory_order_release); }    // not before [C]. [D]

  // Sleeper, after its fence. `is_queued` loads with acquire at least.
  template <class Look>
  [[nodiscard]] bool work_is_left(Look is_queued) const noexcept {
    // acquire: pairs with [D].
    const std::uint32_t before = yields_.load(std::memory_order_acquire);  // [E]
    if (before % 2 != 0 || is_queued()) return true;                       // [F]
    // relaxed: ordered behind [F]'s acquire, which pairs with [B].
    return yields_.load(std::memory_order_relaxed) != before;  // [G]
  }

 private:
  void count(std::memory_order order) noexcept {
    // relaxed load: the owner's own value.
    yields_.store(yields_.load(std::memory_order_relaxed) + 1, order);
  }

  typename Atomics::template atomic<std::uint32_t> yields_{0};
};

using yield_mark = basic_yield_mark<real_atomics>;

}  // namespace sluice::rt
