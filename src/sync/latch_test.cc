#include "sluice/sync/latch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/crowd.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::crowd;
using testing::park_probe;
class Latch : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Latch);

TEST_P(Latch, OpensForEverybodyAtTheLastArrival) {
  const std::int64_t rounds = scaled(200);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    for (std::int64_t round = 0; round < rounds; ++round) {
      latch all(who.size());
      std::vector<int> said(static_cast<std::size_t>(who.size()));
      testing::together(who, options(), [&](int number) {
        said[static_cast<std::size_t>(number)] = 1;
        all.arrive_and_wait();
        for (const int each : said) EXPECT_EQ(each, 1);
      });
      EXPECT_TRUE(all.try_wait());
    }
  }
}

TEST_P(Latch, WaitsNoLongerThanItIsAskedTo) {
  run(
      [] {
        latch one(1);
        EXPECT_FALSE(one.try_wait());
        EXPECT_FALSE(one.wait_for(1ms));
        EXPECT_FALSE(one.wait_until(time_point::min()));
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return one.wait_or_stop().error() == errc::operation_canceled;
        });
        probe.await(rt::wait_kind::group);
        waiter.request_stop();
        EXPECT_TRUE(waiter.join().value());
        one.count_down();
        EXPECT_TRUE(one.wait_for(1h));
        EXPECT_TRUE(one.wait_until(time_point::min()));
        EXPECT_TRUE(one.wait_or_stop());
        one.wait();
        one.count_down(0);
      },
      options());
}

TEST_P(Latch, AnArrivalThatIsStoppedStaysCounted) {
  run(
      [] {
        latch two(2);
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return two.arrive_and_wait_or_stop().has_value();
        });
        probe.await(rt::wait_kind::group);
        waiter.request_stop();
        EXPECT_FALSE(waiter.join().value());
        EXPECT_TRUE(two.arrive_and_wait_or_stop());
      },
      options());
}

TEST_P(Latch, TheWaiterMayDestroyIt) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto gate = std::make_unique<latch>(2);
          for (int i = 0; i < 2; ++i) go([raw = gate.get()] { raw->count_down(); });
          if (round % 3 == 0) yield();
          if (round % 2 == 0) {
            gate->wait();
          } else {
            EXPECT_TRUE(gate->wait_for(1h));
          }
          gate.reset();
        }
      },
      options());
}

TEST(LatchBounds, AreChecked) {
  EXPECT_THROW(latch(-1), std::invalid_argument);
  EXPECT_THROW(latch(latch::max() + 1), std::invalid_argument);
  EXPECT_TRUE(latch(0).try_wait());
  latch most(latch::max());
  most.count_down(latch::max());
  EXPECT_TRUE(most.try_wait());
}

class LatchDeathTest : public ::testing::Test {
 protected:
  LatchDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(LatchDeathTest, ArrivalsThatNobodyExpectsAreReported) {
  EXPECT_DEATH(
      {
        latch one(1);
        one.count_down(2);
      },
      "sluice: more arrivals at a latch than it expects");
  EXPECT_DEATH(
      {
        latch one(1);
        one.count_down(-1);
      },
      "sluice: a latch was counted down by a negative number");
}

}  // namespace
}  // namespace sluice
