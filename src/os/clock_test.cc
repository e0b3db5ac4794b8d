#include "os/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace sluice::os {
namespace {

TEST(ClockTest, HasTheEpochOfTheSteadyClock) {
  const auto before = std::chrono::steady_clock::now().time_since_epoch();
  const std::chrono::nanoseconds now(monotonic_now());
  const auto after = std::chrono::steady_clock::now().time_since_epoch();
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
}

TEST(ClockTest, TheCoarseClockIsNeverAhead) {
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t coarse = monotonic_now_coarse();
    EXPECT_LE(coarse, monotonic_now());
    EXPECT_GT(coarse, 0);
  }
}

}  // namespace
}  // namespace sluice::os
