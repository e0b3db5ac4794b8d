#include "http/rolling_deadline.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

TEST(RollingDeadline, IsSetOnceAndStaysWhileItIsFarEnough) {
  rolling_deadline rolling;
  const auto before = std::chrono::steady_clock::now();
  const auto first = rolling.roll(1h);
  ASSERT_TRUE(first);
  EXPECT_GE(first->when(), before + 1h);
  EXPECT_LE(first->when(), std::chrono::steady_clock::now() + 1h + 225s);  // a sixteenth
  EXPECT_FALSE(rolling.roll(1h));
}

TEST(RollingDeadline, AnotherTimeOutIsSetAnew) {
  rolling_deadline rolling;
  ASSERT_TRUE(rolling.roll(1h));
  ASSERT_TRUE(rolling.roll(10s));
  const auto longer = rolling.roll(1h);
  ASSERT_TRUE(longer);
  EXPECT_GE(longer->when(), std::chrono::steady_clock::now() + 1h - 1s);
}

TEST(RollingDeadline, AnotherDeadlineInBetweenIsReplaced) {
  rolling_deadline rolling;
  ASSERT_TRUE(rolling.roll(1h));
  EXPECT_TRUE(rolling.set(deadline::none()).is_none());
  EXPECT_TRUE(rolling.roll(1h));
}

TEST(RollingDeadline, ShortAndEndlessTimeOutsAreExact) {
  rolling_deadline rolling;
  for (int i = 0; i < 2; ++i) {
    const auto before = std::chrono::steady_clock::now();
    const auto exact = rolling.roll(50ms);
    ASSERT_TRUE(exact);
    EXPECT_GE(exact->when(), before + 50ms);
    EXPECT_LE(exact->when(), std::chrono::steady_clock::now() + 50ms);
  }
  const auto endless = rolling.roll(std::chrono::nanoseconds::max());
  ASSERT_TRUE(endless);
  EXPECT_TRUE(endless->is_none());
}

}  // namespace
}  // namespace sluice::http
