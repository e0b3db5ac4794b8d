// semaphore.h: a counting semaphore for threads of tests. The standard's own, as its latch and
// atomic::wait, loses wake-ups in mingw's C++ library (g++ 12, bits/atomic_wait.h: it looks at the
// value before it locks and waits without another look).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace sluice {

class semaphore {
 public:
  void release() {
    // The lock is held over the notification: the waiter may destroy this as soon as it has it.
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_one();
  }
  void acquire() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ > 0; });
    --count_;
  }
  // False: it was not to be had for so long.
  [[nodiscard]] bool try_acquire_for(std::chrono::nanoseconds patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return count_ > 0; })) return false;
    --count_;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;  // GUARDED_BY(mutex_)
};

}  // namespace sluice
