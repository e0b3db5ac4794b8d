#include "sched/spin_lock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "testing/scale.h"

namespace sluice::rt {
namespace {

class SpinLockTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, SpinLockTest, testing::Values(1, 2, 4, 16));

TEST_P(SpinLockTest, GuardsAPlainCounter) {
  const std::int64_t rounds = scaled(20'000);
  spin_lock lock;
  std::int64_t counter = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < GetParam(); ++i) {
      threads.emplace_back([&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          const std::lock_guard guard(lock);
          ++counter;
        }
      });
    }
  }
  EXPECT_EQ(counter, rounds * GetParam());
}

TEST_P(SpinLockTest, WakesThoseWhoSlept) {
  // Held long enough for the others to stop spinning; each of them must come through.
  spin_lock lock;
  int came_through = 0;
  lock.lock();
  std::vector<std::jthread> threads;
  std::atomic<int> arrived{0};
  for (int i = 0; i < GetParam(); ++i) {
    threads.emplace_back([&] {
      arrived.fetch_add(1);
      const std::lock_guard guard(lock);
      ++came_through;
    });
  }
  while (arrived.load() != GetParam()) std::this_thread::yield();
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  lock.unlock();
  threads.clear();
  EXPECT_EQ(came_through, GetParam());
}

TEST(SpinLockSingleTest, RefusesASecondHolder) {
  spin_lock lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(SpinLockSingleTest, MayBeDestroyedByWhoeverSeesItFree) {
  // The last holder destroys the lock while the one before may still be inside unlock().
  for (std::int64_t round = scaled(500); round > 0; --round) {
    auto lock = std::make_unique<spin_lock>();
    lock->lock();
    std::jthread other([&lock] {
      lock->lock();
      lock->unlock();
      lock.reset();
    });
    lock->unlock();
  }
}

}  // namespace
}  // namespace sluice::rt
