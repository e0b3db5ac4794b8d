// timers.h: arming, moving and expiring, over the processors' heaps; the states are those of
// base/timer_word.h.
//
// Armer:    1 link under the heap's lock, and note the heap's earliest [A]   2 seq_cst fence
//           3 if the processor sleeps beyond the new time, signal it
// Sleeper:  idle_set.h's steps 1 and 2, with sleep_until published before the earliest is read
// again so that either the armer sees how long the sleeper means to sleep, or the sleeper sees the
// timer.
#pragma once

#include <cstdint>

#include "sched/runtime.h"

namespace sluice::rt {

// Arms or moves `which`. Any thread; several may arm the same timer, one of them comes last.
// Allocates nothing; moving a linked timer later is one compare-and-swap.
void arm_timer(runtime& owner, timer& which, std::int64_t when) noexcept;

// Takes it out of its heap for good: its owner goes away.
void unlink_timer(runtime& owner, timer& which) noexcept;

inline constexpr std::uint32_t expiry_batch = 64;
struct expired_timers {
  std::uint32_t runnable = 0;  // how many fibers the caller must make runnable
  bool more = false;           // the batch was full: call again
};

// Fires what is due in one processor's heap. Any thread.
[[nodiscard]] expired_timers expire_timers(runtime& owner, processor& of, std::int64_t now,
                                           control_block* (&into)[expiry_batch]) noexcept;

}  // namespace sluice::rt
