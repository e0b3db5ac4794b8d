#include "os/epoll_linux.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "os/clock.h"
#include "os/event_linux.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::int64_t millisecond = 1'000'000;

class EpollTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(epoll_add(set_, event_, EPOLLIN | EPOLLET, 42)); }
  void TearDown() override {
    epoll_force_milliseconds(false);
    close_handle(event_);
    close_handle(set_);
  }
  int wait(std::int64_t timeout) { return epoll_wait(set_, events_, timeout); }

  native_handle set_ = epoll_open().value();
  native_handle event_ = event_open().value();
  std::array<epoll_event, 4> events_{};
};

TEST_F(EpollTest, EverySignalIsAnEdgeThoughNobodyReads) {
  for (int i = 0; i < 100; ++i) {
    event_signal(event_);
    ASSERT_EQ(wait(0), 1) << "signal " << i;
    const std::uint64_t data = events_[0].data.u64;  // a copy: the kernel packs the struct
    EXPECT_EQ(data, 42u);
    ASSERT_EQ(wait(0), 0) << "an edge is reported once";
  }
}

TEST_F(EpollTest, ACounterAtItsLimitStillSignals) {
  const std::uint64_t most = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(event_, &most, sizeof(most)), ssize_t{sizeof(most)});
  ASSERT_EQ(wait(0), 1);
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(event_, &one, sizeof(one)), -1) << "the counter is not full";
  event_signal(event_);
  EXPECT_EQ(wait(0), 1);
}

TEST_F(EpollTest, SignalLeavesErrnoAlone) {
  const std::uint64_t most = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(event_, &most, sizeof(most)), ssize_t{sizeof(most)});
  errno = ENOTTY;
  event_signal(event_);  // its first write fails
  EXPECT_EQ(errno, ENOTTY);
}

TEST_F(EpollTest, AFiniteWaitIsNotShorterThanAsked) {
  for (const bool coarse : {false, true}) {
    epoll_force_milliseconds(coarse);
    for (const std::int64_t timeout : {std::int64_t{1}, millisecond + 1, 3 * millisecond}) {
      const std::int64_t start = monotonic_now();
      EXPECT_EQ(wait(timeout), 0);
      EXPECT_GE(monotonic_now() - start, timeout);
    }
  }
}

TEST_F(EpollTest, AReportEndsAWaitWithoutLimit) {
  for (const bool coarse : {false, true}) {
    epoll_force_milliseconds(coarse);
    event_signal(event_);
    EXPECT_EQ(wait(epoll_no_limit), 1);
    event_signal(event_);
    EXPECT_EQ(wait(std::int64_t{1} << 62), 1) << "a limit beyond what milliseconds can say";
  }
}

TEST_F(EpollTest, ABadSetIsANegativeErrno) {
  for (const std::int64_t timeout : {epoll_no_limit, std::int64_t{0}, millisecond}) {
    EXPECT_EQ(epoll_wait(event_, events_, timeout), -EINVAL);
  }
}

TEST_F(EpollTest, ControlReportsTheSystemsErrors) {
  EXPECT_EQ(epoll_add(set_, event_, EPOLLIN, 1).error(), std::errc::file_exists);
  ASSERT_TRUE(epoll_remove(set_, event_));
  EXPECT_EQ(epoll_remove(set_, event_).error(), std::errc::no_such_file_or_directory);
}

TEST_F(EpollTest, EachCallIsCountedByItsKind) {
  call_counters counters;
  active_call_counters.store(&counters);
  event_signal(event_);
  static_cast<void>(wait(0));
  static_cast<void>(wait(millisecond));
  static_cast<void>(epoll_remove(set_, event_));
  active_call_counters.store(nullptr);
  EXPECT_EQ(counters[call::wake], 1u);
  EXPECT_EQ(counters[call::poll_wait], 2u);
  EXPECT_EQ(counters[call::poll_control], 1u);
  EXPECT_EQ(counters[call::other], 0u);
}

}  // namespace
}  // namespace sluice::os
