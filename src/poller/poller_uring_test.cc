#include <gtest/gtest.h>

#include "poller/poller_backends.h"
#include "poller/poller_completion_conformance.h"
#include "poller/poller_conformance.h"

namespace sluice::rt {
namespace {

struct uring_backend {
  // A report of a watch names everything that the descriptor is ready for, edge or not.
  static constexpr bool exact = false;
  static constexpr bool sends = false;
  static constexpr bool ties = false;
  static std::unique_ptr<poller> make() {
    auto made = make_poller_uring();
    return made ? std::move(*made) : nullptr;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Uring, poller_wait_suite, uring_backend);
INSTANTIATE_TYPED_TEST_SUITE_P(Uring, poller_report_suite, uring_backend);
INSTANTIATE_TYPED_TEST_SUITE_P(Uring, poller_completion_suite, uring_backend);

class PollerUringTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto made = make_poller_uring(); !made) {
      GTEST_SKIP() << "the system refuses io_uring: " << made.error();
    }
  }
};

TEST_F(PollerUringTest, ASignalHandlerMayWake) {
  const auto made = uring_backend::make();
  expect_that_a_signal_handler_may_wake(*made);
}

// What a thread that has ended has submitted the kernel finishes as cancelled, when its turn comes.
TEST_F(PollerUringTest, WatchesOutliveTheThreadThatAdded) {
  poller_harness harness(uring_backend::make());
  const socket_pair pair = make_local_pair();
  std::optional<registration> in;
  std::thread([&] { in.emplace(harness, pair.watched.get()); }).join();
  ASSERT_TRUE(in->added());
  for (int i = 0; i < 10; ++i) {
    pair.peer.send("x");
    ASSERT_TRUE(harness.sees(in->desc(), ready_to_read));
    static_cast<void>(harness.collect(in->desc()));
  }
}

TEST_F(PollerUringTest, AnOperationOfAThreadThatHasEndedIsReportedAndLosesNothing) {
  poller_harness harness(uring_backend::make());
  poll_desc& desc = *harness.table().take().value();
  const socket_pair pair = make_local_pair();
  reading asked(pair.watched.get());
  asked.asked.whom = {desc.index(), desc.generation(), ready_to_read};
  std::thread([&] { EXPECT_TRUE(harness.under_test().submit(asked.asked)); }).join();
  pair.peer.send("data");
  const std::int64_t limit = os::monotonic_now() + patience;
  while (!asked.asked.is_done() && os::monotonic_now() < limit) harness.pump(limit);
  ASSERT_TRUE(asked.asked.is_done());
  if (asked.asked.outcome().ok()) {
    EXPECT_EQ(asked.text(), "data");
  } else {
    EXPECT_TRUE(asked.asked.outcome().is_cancelled());
    EXPECT_EQ(pair.watched.drain(), "data");
  }
}

}  // namespace
}  // namespace sluice::rt
