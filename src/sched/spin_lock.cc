#include "sched/spin_lock.h"

#include "os/futex.h"
#include "os/relax.h"

namespace sluice::rt {
namespace {

// A lock is held for some tens of instructions, and a pause takes 40 to 140 cycles: whoever still
// waits after these few microseconds waits for a holder that was preempted.
constexpr int spins = 64;

constexpr std::uint32_t held_and_slept_on = 2;

}  // namespace

void spin_lock::lock_slowly() noexcept {
  for (int spin = 0; spin < spins; ++spin) {
    os::relax();
    // relaxed: only a hint; try_lock acquires.
    if (word_.load(std::memory_order_relaxed) == 0 && try_lock()) return;
  }
  // Whoever takes the lock from here on leaves it marked, since others may sleep: one futile wake
  // at worst. acquire: pairs with unlock's release.
  while (word_.exchange(held_and_slept_on, std::memory_order_acquire) != 0) {
    os::futex_wait(word_, held_and_slept_on);
  }
}

void spin_lock::wake_sleeper() noexcept {
  // The lock is free already, and its owner may have destroyed it: the address, nothing else.
  os::futex_wake(&word_, 1);
}

}  // namespace sluice::rt
