// poller_lying_posix_test.cc: lies about what the system's usual poller says of descriptors.
#include <gtest/gtest.h>

#include "poller/poller_backends.h"
#include "poller/poller_conformance.h"
#include "poller/poller_lying.h"

namespace sluice::rt {
namespace {

std::unique_ptr<poller_lying> make_lying(std::uint64_t seed) {
  return std::make_unique<poller_lying>(poller_backends().front().make().value(), seed);
}

template <std::uint64_t Seed>
struct lying_backend {
  static constexpr bool exact = false;
  static std::unique_ptr<poller> make() { return make_lying(Seed); }
};

using backends = testing::Types<lying_backend<1>, lying_backend<2>, lying_backend<3>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Lying, poller_wait_suite, backends);
INSTANTIATE_TYPED_TEST_SUITE_P(Lying, poller_report_suite, backends);

constexpr int rounds = 200;

// The suite's proof of itself: without the generation, late reports reach the wrong descriptor.
TEST(PollerLyingTest, WithoutTheGenerationCheckTheSuiteFails) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    poller_harness harness(make_lying(seed));
    EXPECT_FALSE(use_memory_again<unchecked_delivery>(harness, rounds).empty()) << seed;
    EXPECT_GT(harness.late_reports(), 0u);
  }
}

TEST(PollerLyingTest, WithTheGenerationCheckLateReportsDoNothing) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    poller_harness harness(make_lying(seed));
    EXPECT_TRUE(use_memory_again<checked_delivery>(harness, rounds).empty()) << seed;
    EXPECT_GT(harness.late_reports(), 0u) << "it told no lies, so nothing was tested";
  }
}

TEST(PollerLyingTest, TellsEveryKindOfLie) {
  auto made = make_lying(7);
  const poller_lying& liar = *made;
  poller_harness harness(std::move(made));
  const socket_pair pair = make_local_pair();
  for (int i = 0; i < rounds; ++i) {
    const registration in(harness, pair.watched.get());
    for (int part = 0; part < 4; ++part) {
      pair.peer.send("x");
      harness.pump(poll_without_blocking);
    }
    pair.watched.drain();
  }
  EXPECT_GT(liar.told().spurious, 0u);
  EXPECT_GT(liar.told().stale, 0u);
  EXPECT_GT(liar.told().delayed, 0u);
  EXPECT_GT(liar.told().doubled, 0u);
  EXPECT_GT(liar.told().merged, 0u);
  EXPECT_GT(liar.told().split, 0u);
}

TEST(PollerLyingTest, ComesToRestWithTheProgram) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    poller_harness harness(make_lying(seed));
    const socket_pair pair = make_local_pair();
    const registration in(harness, pair.watched.get());
    pair.peer.send("x");
    int waits = 0;
    report_list reports;
    // What one registration and one report can cost: the delays and the extras they pay for.
    for (int quiet = 0; quiet < 20; ++quiet, ++waits) {
      reports.clear();
      harness.under_test().wait(poll_without_blocking, reports);
      if (!reports.empty()) quiet = -1;
      ASSERT_LT(waits, 200) << "seed " << seed << " still talks";
    }
  }
}

}  // namespace
}  // namespace sluice::rt
