#include "os/futex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "os/memory.h"

namespace sluice::os {
namespace {

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

TEST(FutexTest, DoesNotSleepOnAnotherValue) {
  const std::atomic<std::uint32_t> word{7};
  futex_wait(word, 8);
  EXPECT_TRUE(futex_wait_until(word, 8, now() + std::int64_t{3600} * 1'000'000'000));
}

TEST(FutexTest, ATimeInThePastDoesNotSleep) {
  const std::atomic<std::uint32_t> word{7};
  EXPECT_FALSE(futex_wait_until(word, 7, 0));
  EXPECT_FALSE(futex_wait_until(word, 7, -5));
  EXPECT_FALSE(futex_wait_until(word, 7, now() - 1));
}

TEST(FutexTest, TheTimeIsAbsoluteAndMonotonic) {
  const std::atomic<std::uint32_t> word{7};
  const std::int64_t until = now() + 5'000'000;
  while (futex_wait_until(word, 7, until)) {
  }
  EXPECT_GE(now(), until);
}

TEST(FutexTest, AWakeEndsTheWait) {
  std::atomic<std::uint32_t> word{0};
  std::jthread sleeper([&word] {
    while (word.load() == 0) futex_wait(word, 0);
  });
  word.store(1);
  futex_wake(&word, 1);
  sleeper.join();
  SUCCEED();
}

TEST(FutexTest, AWakeTouchesNoMemory) {
  void* const page = map_memory(page_size()).value();
  ASSERT_TRUE(unmap_memory(page, page_size()));
  futex_wake(page, 1);
}

}  // namespace
}  // namespace sluice::os
