// Both forms of the gate with real threads: a worker goes in and out as fast as it can, a monitor
// asks for its processor and, when it gets it, hands it back. What the processor owns is plain data
// that both count in, so that two who are inside at once lose a count or tear a row.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "os/membarrier.h"
#include "os/relax.h"
#include "sched/gate.h"
#include "testing/scale.h"
#include "testing/semaphore.h"

namespace sluice::rt {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool thread_sanitizer = true;
#elif defined(__has_feature)
constexpr bool thread_sanitizer = __has_feature(thread_sanitizer);
#else
constexpr bool thread_sanitizer = false;
#endif

class gate_stress {
 public:
  explicit gate_stress(bool symmetric) : symmetric_(symmetric) {}

  void run(std::int64_t asks) {
    std::thread worker([this] { work(); });
    while (asks > 0) {
      if (look()) --asks;
    }
    // relaxed: says only that it is time to end; join() orders the rest.
    over_.store(true, std::memory_order_relaxed);
    worker.join();
    std::printf("[  entries ] %llu entries, %llu takes, %s\n",
                static_cast<unsigned long long>(entries_), static_cast<unsigned long long>(takes_),
                symmetric_ ? "symmetric" : "asymmetric");
    EXPECT_EQ(torn_, 0u);
    for (const std::uint64_t each : owned_) EXPECT_EQ(each, entries_ + takes_);
  }

 private:
  void work() {
    while (!over_.load(std::memory_order_relaxed)) {
      while (!gate_.enter(symmetric_)) {
        returned_.acquire();
        gate_.reset();
      }
      ++entries_;
      touch();
      gate_.leave();
      // User code, of every short length: the monitor finds the worker at each place.
      for (std::uint64_t i = entries_ % 32; i > 0; --i) os::relax();
    }
  }

  // False: nothing to ask for, the worker has not come back from the last take.
  bool look() {
    if (!gate_.ask()) {
      std::this_thread::yield();
      return false;
    }
    if (!symmetric_) os::membarrier();
    if (!gate_.finish_ask()) return true;
    ++takes_;
    touch();
    returned_.release();
    return true;
  }

  void touch() {
    for (std::uint64_t& each : owned_) {
      if (each != owned_.front() && each + 1 != owned_.front()) ++torn_;
      ++each;
    }
  }

  const bool symmetric_;
  gate gate_;
  std::array<std::uint64_t, 4> owned_{};
  std::uint64_t torn_ = 0;     // owned by the processor, as owned_ is
  std::uint64_t entries_ = 0;  // the worker's
  std::uint64_t takes_ = 0;    // the monitor's
  semaphore returned_;
  std::atomic<bool> over_{false};
};

TEST(GateStress, TheSymmetricFormLosesNothing) { gate_stress(true).run(scaled(300'000)); }

TEST(GateStress, TheAsymmetricFormLosesNothing) {
  if (thread_sanitizer) GTEST_SKIP() << "SKIPPED: ThreadSanitizer does not know membarrier";
  if (!os::register_membarrier()) GTEST_SKIP() << "SKIPPED: the system has no membarrier";
  gate_stress(false).run(scaled(30'000));
}

}  // namespace
}  // namespace sluice::rt
