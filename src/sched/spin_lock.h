// spin_lock.h: the runtime's internal lock: spins briefly, then waits on a futex, so that a holder
// that was preempted does not burn a second CPU. Held for a few instructions; never across a park,
// never while user code runs.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::rt {

class spin_lock {
 public:
  void lock() noexcept {
    std::uint32_t free = 0;
    // acquire: pairs with unlock's release.
    if (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[unlikely]] {
      lock_slowly();
    }
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  void unlock() noexcept {
    // release: pairs with lock's acquire. 2: somebody sleeps.
    if (word_.exchange(0, std::memory_order_release) == 2) [[unlikely]] {
      wake_sleeper();
    }
  }

 private:
  void lock_slowly() noexcept;
  void wake_sleeper() noexcept;

  // 0 free, 1 held, 2 held and somebody sleeps.
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace sluice::rt
