#include <gtest/gtest.h>

#include <mutex>

#include "sluice/channel.h"
#include "sluice/debug.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

class CheckedStdMutex : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(CheckedStdMutex);

TEST_P(CheckedStdMutex, IsAStdMutex) {
  debug::checked_std_mutex mutex;
  int count = 0;
  const auto often = [&] {
    for (int i = 0; i < 1000; ++i) {
      const std::lock_guard held(mutex);
      ++count;
    }
  };
  run(
      [&] {
        fiber one(often);
        fiber other(often);
        EXPECT_TRUE(one.join());
        EXPECT_TRUE(other.join());
        EXPECT_TRUE(mutex.try_lock());
        mutex.unlock();
        // Nothing is held: waiting is fine.
        EXPECT_TRUE(sleep_for(std::chrono::nanoseconds(1)));
      },
      options());
  often();
  EXPECT_EQ(count, 3000);
}

#ifndef NDEBUG
using CheckedStdMutexDeathTest = CheckedStdMutex;
SLUICE_INSTANTIATE_WITH_PROCESSORS(CheckedStdMutexDeathTest);

TEST_P(CheckedStdMutexDeathTest, HeldWhereTheFiberLeavesItsThreadEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  constexpr const char* said =
      "sluice: a fiber waits, yields or ends while it holds a debug::checked_std_mutex";
  debug::checked_std_mutex mutex;
  const auto waits = [&] {
    channel<int> numbers;
    const std::lock_guard held(mutex);
    (void)numbers.receive();
  };
  EXPECT_DEATH(run(waits, options()), said);
  const auto yields = [&] {
    const std::lock_guard held(mutex);
    yield();
  };
  EXPECT_DEATH(run(yields, options()), said);
  EXPECT_DEATH(run([&] { mutex.lock(); }, options()), said);
}
#endif

}  // namespace
}  // namespace sluice
