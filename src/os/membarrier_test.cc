#include "os/membarrier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "testing/scale.h"

namespace sluice::os {
namespace {

// The store-load pattern (Dekker): without a fence both sides may read 0. One side has only a
// compiler fence; the other's membarrier must make up for it.
TEST(MembarrierTest, OrdersAStoreBeforeALoadOfAThreadWithoutAFence) {
  if (!register_membarrier()) GTEST_SKIP() << "this system has no membarrier";
  const std::int64_t rounds = scaled(2'000);
  std::atomic<std::int64_t> turn{0};
  std::atomic<std::int64_t> done{0};
  std::atomic<int> x{0};
  std::atomic<int> y{0};
  int seen_by_plain = 0;
  std::jthread plain([&] {
    for (std::int64_t round = 1; round <= rounds; ++round) {
      while (turn.load(std::memory_order_acquire) != round) std::this_thread::yield();
      x.store(1, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      seen_by_plain = y.load(std::memory_order_relaxed);
      done.store(round, std::memory_order_release);
    }
  });
  std::int64_t both_missed = 0;
  for (std::int64_t round = 1; round <= rounds; ++round) {
    x.store(0, std::memory_order_relaxed);
    y.store(0, std::memory_order_relaxed);
    turn.store(round, std::memory_order_release);
    y.store(1, std::memory_order_relaxed);
    membarrier();
    const int seen_here = x.load(std::memory_order_relaxed);
    while (done.load(std::memory_order_acquire) != round) std::this_thread::yield();
    both_missed += static_cast<std::int64_t>(seen_here == 0 && seen_by_plain == 0);
  }
  EXPECT_EQ(both_missed, 0);
}

}  // namespace
}  // namespace sluice::os
