#include <gtest/gtest.h>

#include "os/epoll_linux.h"
#include "os/syscall_count.h"
#include "poller/poller_backends.h"
#include "poller/poller_conformance.h"

namespace sluice::rt {
namespace {

struct epoll_backend {
  static constexpr bool exact = true;
  static std::unique_ptr<poller> make() {
    os::epoll_force_milliseconds(false);
    return make_poller_epoll().value();
  }
};

// As on a system without epoll_pwait2.
struct epoll_in_milliseconds {
  static constexpr bool exact = true;
  static std::unique_ptr<poller> make() {
    os::epoll_force_milliseconds(true);
    return make_poller_epoll().value();
  }
};

using backends = testing::Types<epoll_backend, epoll_in_milliseconds>;
INSTANTIATE_TYPED_TEST_SUITE_P(Epoll, poller_wait_suite, backends);
INSTANTIATE_TYPED_TEST_SUITE_P(Epoll, poller_report_suite, backends);

TEST(PollerEpollTest, ASignalHandlerMayWake) {
  const auto made = make_poller_epoll().value();
  expect_that_a_signal_handler_may_wake(*made);
}

TEST(PollerEpollTest, AWakeAndItsWaitAreOneSystemCallEach) {
  const auto made = make_poller_epoll().value();
  os::call_counters counters;
  os::active_call_counters.store(&counters);
  report_list reports;
  for (int i = 0; i < 100; ++i) {
    made->wake();
    made->wait(poll_forever, reports);
  }
  os::active_call_counters.store(nullptr);
  EXPECT_EQ(counters[os::call::wake], 100u);
  EXPECT_EQ(counters[os::call::poll_wait], 100u);
  EXPECT_EQ(counters[os::call::read] + counters[os::call::other], 0u);
}

// An urgent byte in mid-stream: the read stops in front of it, short, with data behind it and no
// further edge. What the reader has is the sticky mark.
TEST(PollerEpollTest, TheStickyMarkTellsOfTheDataBehindAnUrgentByte) {
  poller_harness harness(make_poller_epoll().value());
  const socket_pair pair = make_tcp_pair();
  pair.peer.send("abc");
  pair.peer.send_urgent('!');
  pair.peer.send("def");
  const registration in(harness, pair.watched.get());
  ASSERT_TRUE(harness.sees(in.desc(), ready_to_read | ready_exceptional));
  const std::uint32_t mark = in.desc().exceptional_mark();
  EXPECT_EQ(pair.watched.drain(), "abcdef");  // until EAGAIN, since the mark says so
  EXPECT_TRUE(in.desc().exceptional());
  in.desc().clear_exceptional(mark);
  EXPECT_FALSE(in.desc().exceptional());
  EXPECT_EQ(harness.collect(in.desc()), 0u);
}

}  // namespace
}  // namespace sluice::rt
