#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>

#include "os/syscall_count.h"
#include "poller/poller_backends.h"
#include "poller/poller_completion_conformance.h"
#include "poller/poller_conformance.h"
#include "testing/process.h"

namespace sluice::rt {
namespace {

// It watches nobody, and there is no other poller here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(poller_report_suite);

struct iocp_backend {
  static constexpr bool sends = true;
  static constexpr bool ties = true;
  static std::unique_ptr<poller> make() { return make_poller_iocp().value(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Iocp, poller_wait_suite, iocp_backend);
INSTANTIATE_TYPED_TEST_SUITE_P(Iocp, poller_completion_suite, iocp_backend);

class PollerIocpTest : public ::testing::Test {
 protected:
  void tie(const test_socket& socket) {
    ASSERT_TRUE(harness_.under_test().add(socket.get(), *desc_));
  }
  void submit(operation& asked) {
    asked.whom = {desc_->index(), desc_->generation(), ready_to_read};
    ASSERT_TRUE(harness_.under_test().submit(asked));
  }
  void finish(operation& asked) {
    const std::int64_t limit = os::monotonic_now() + patience;
    while (!asked.is_done() && os::monotonic_now() < limit) harness_.pump(limit);
    ASSERT_TRUE(asked.is_done()) << "lost";
  }

  poller_harness harness_{make_poller_iocp().value()};
  poll_desc* desc_ = harness_.table().take().value();
};

TEST_F(PollerIocpTest, ASignalHandlerMayWake) {
  expect_that_a_signal_handler_may_wake(harness_.under_test());
}

TEST_F(PollerIocpTest, AWakeAndItsWaitAreOneSystemCallEach) {
  poller& under_test = harness_.under_test();
  os::call_counters counters;
  os::active_call_counters.store(&counters);
  report_list reports;
  for (int i = 0; i < 100; ++i) {
    under_test.wake();
    under_test.wait(poll_forever, reports);
  }
  os::active_call_counters.store(nullptr);
  EXPECT_EQ(counters[os::call::wake], 100u);
  EXPECT_EQ(counters[os::call::poll_wait], 100u);
  EXPECT_EQ(counters[os::call::read] + counters[os::call::other], 0u);
}

TEST_F(PollerIocpTest, ASocketIsTiedOnce) {
  const socket_pair pair = make_tcp_pair();
  tie(pair.watched);
  const auto again = harness_.under_test().add(pair.watched.get(), *desc_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), std::errc::invalid_argument);
}

TEST_F(PollerIocpTest, WhatIsThereIsTakenByTheSubmissionWithoutAReport) {
  const socket_pair pair = make_tcp_pair();
  tie(pair.watched);
  for (int i = 0; i < 20; ++i) {
    pair.peer.send("there");
    reading first(pair.watched.get());
    submit(first.asked);
    // The loopback may have taken its time.
    finish(first.asked);
    EXPECT_EQ(first.text(), "there");
  }
  pair.peer.send("there too");
  // A byte that has been seen shows that the rest is there.
  operation arrived(operation::kind::await_data, pair.watched.get());
  submit(arrived);
  finish(arrived);
  harness_.collect(*desc_);
  reading now(pair.watched.get());
  submit(now.asked);
  EXPECT_TRUE(now.asked.is_done());
  EXPECT_EQ(harness_.collect(*desc_), 0u);
}

// A thread that ends takes its operations with it, but for those of handles that are tied to a
// port.
TEST_F(PollerIocpTest, AnOperationOutlivesTheThreadThatSubmittedIt) {
  const socket_pair pair = make_tcp_pair();
  tie(pair.watched);
  reading asked(pair.watched.get());
  std::thread([&] { submit(asked.asked); }).join();
  pair.peer.send("data");
  finish(asked.asked);
  EXPECT_EQ(asked.text(), "data");
}

TEST_F(PollerIocpTest, AnyThreadMayCancel) {
  const socket_pair pair = make_tcp_pair();
  tie(pair.watched);
  reading asked(pair.watched.get());
  submit(asked.asked);
  std::thread([&] { EXPECT_TRUE(harness_.under_test().cancel(asked.asked)); }).join();
  finish(asked.asked);
  EXPECT_TRUE(asked.asked.outcome().is_cancelled());
}

TEST_F(PollerIocpTest, AnAcceptThatIsCancelledLeavesNoSocketBehind) {
  const test_socket listener(os::open_stream(net::address::family::ipv4).handle());
  ASSERT_TRUE(os::bind(listener.get(), net::address::make_ipv4({127, 0, 0, 1}, 0)).ok());
  ASSERT_TRUE(os::listen(listener.get(), 8).ok());
  tie(listener);
  const auto cancel_one = [&] {
    operation asked(operation::kind::accept, listener.get());
    submit(asked);
    ASSERT_TRUE(harness_.under_test().cancel(asked));
    finish(asked);
    EXPECT_TRUE(asked.outcome().is_cancelled());
  };
  cancel_one();  // what the system keeps for itself is there now
  const std::size_t before = ::sluice::testing::process_state().descriptors;
  for (int i = 0; i < 20; ++i) cancel_one();
  EXPECT_EQ(::sluice::testing::process_state().descriptors, before);
}

}  // namespace
}  // namespace sluice::rt
