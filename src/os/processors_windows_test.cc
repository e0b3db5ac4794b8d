#include "os/processors.h"

#include <gtest/gtest.h>
#include <windows.h>

#include <bit>

#include "os/job_windows.h"

namespace sluice::os {
namespace {

TEST(JobProcessors, AreWhatTheRatePaysForRoundedUp) {
  EXPECT_EQ(job_processors(5'000, 8), 4u);
  EXPECT_EQ(job_processors(5'001, 8), 5u);
  EXPECT_EQ(job_processors(1, 2), 1u);
  EXPECT_EQ(job_processors(9'999, 64), 64u);
}

TEST(JobProcessors, AreNoLimitWithoutARate) {
  EXPECT_FALSE(job_processors(0, 8));
  EXPECT_FALSE(job_processors(10'000, 8));
}

TEST(UsableProcessors, FollowTheProcessesAffinity) {
  DWORD_PTR own = 0;
  DWORD_PTR system = 0;
  ASSERT_NE(::GetProcessAffinityMask(::GetCurrentProcess(), &own, &system), 0);
  const DWORD_PTR one = own & (~own + 1);
  ASSERT_NE(::SetProcessAffinityMask(::GetCurrentProcess(), one), 0);
  EXPECT_EQ(usable_processors(), 1u);
  ASSERT_NE(::SetProcessAffinityMask(::GetCurrentProcess(), own), 0);
  EXPECT_EQ(usable_processors(), static_cast<unsigned>(std::popcount(std::uint64_t{own})));
}

}  // namespace
}  // namespace sluice::os
