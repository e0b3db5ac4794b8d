#include "sluice/sync/barrier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

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
class Barrier : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Barrier);

TEST_P(Barrier, NobodyIsAPhaseAhead) {
  const std::int64_t phases = scaled(500);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    std::atomic<std::int64_t> arrivals{0};
    std::int64_t completed = 0;  // by the last arrival of each phase
    const auto complete = [&]() noexcept {
      ++completed;
      EXPECT_EQ(arrivals.load(), completed * who.size());
      yield();
    };
    barrier meeting(who.size(), complete);
    testing::together(who, options(), [&](int) {
      for (std::int64_t phase = 1; phase <= phases; ++phase) {
        arrivals.fetch_add(1);
        meeting.arrive_and_wait();
        EXPECT_EQ(completed, phase);
      }
    });
  }
}

TEST_P(Barrier, WhoDropsOutIsNotExpectedAnyMore) {
  run(
      [] {
        barrier meeting(2);
        auto mine = meeting.arrive();
        meeting.arrive_and_drop();
        meeting.wait(std::move(mine));
        meeting.arrive_and_wait();
        meeting.arrive_and_wait();
      },
      options());
}

TEST_P(Barrier, WaitsNoLongerThanItIsAskedTo) {
  run(
      [] {
        barrier meeting(2);
        auto mine = meeting.arrive();
        EXPECT_FALSE(meeting.wait_for(mine, 1ms));
        EXPECT_FALSE(meeting.wait_until(mine, time_point::min()));
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return meeting.wait_or_stop(mine).error() == errc::operation_canceled;
        });
        probe.await(rt::wait_kind::phase);
        waiter.request_stop();
        EXPECT_TRUE(waiter.join().value());
        (void)meeting.arrive();
        EXPECT_TRUE(meeting.wait_for(mine, 1h));
        EXPECT_TRUE(meeting.wait_or_stop(mine));
        meeting.wait(std::move(mine));
      },
      options());
}

TEST_P(Barrier, AnArrivalThatIsStoppedStaysCounted) {
  run(
      [] {
        barrier meeting(2);
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return meeting.arrive_and_wait_or_stop().has_value();
        });
        probe.await(rt::wait_kind::phase);
        waiter.request_stop();
        EXPECT_FALSE(waiter.join().value());
        EXPECT_TRUE(meeting.arrive_and_wait_or_stop());
      },
      options());
}

TEST(BarrierBounds, AreChecked) {
  EXPECT_THROW(barrier(-1), std::invalid_argument);
  EXPECT_THROW(barrier(barrier<>::max() + 1), std::invalid_argument);
  const barrier nobody(0);
}

class BarrierDeathTest : public ::testing::Test {
 protected:
  BarrierDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(BarrierDeathTest, ArrivalsThatNobodyExpectsAreReported) {
  EXPECT_DEATH((void)barrier(1).arrive(2), "more arrivals at a barrier than its phase expects");
  EXPECT_DEATH((void)barrier(1).arrive(0), "more arrivals at a barrier than its phase expects");
}

}  // namespace
}  // namespace sluice
