#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/sync.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using testing::with_processors;
class WaitGroup : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(WaitGroup);

TEST_P(WaitGroup, WaitsForEveryFiberAndSeesWhatTheyDid) {
  const auto count = static_cast<std::size_t>(scaled(2'000));
  std::vector<int> results(count);
  run(
      [&] {
        wait_group all;
        all.add(count);
        for (std::size_t i = 0; i < count; ++i) {
          go([&results, &all, i] {
            if (i % 3 == 0) yield();
            results[i] = 1;
            all.done();
          });
        }
        all.wait();
        for (const int each : results) ASSERT_EQ(each, 1);
      },
      options());
}

TEST_P(WaitGroup, DoesNotWaitForNothing) {
  run(
      [] {
        wait_group none;
        none.wait();
        EXPECT_TRUE(none.wait_or_stop());
        none.add();
        none.done();
        none.wait();
      },
      options());
}

TEST_P(WaitGroup, WakesEverybodyWhoWaits) {
  constexpr int waiters = 100;
  std::atomic<int> awake{0};
  run(
      [&] {
        wait_group gate;
        gate.add();
        std::vector<fiber<>> fibers;
        for (int i = 0; i < waiters; ++i) {
          fibers.emplace_back([&] {
            gate.wait();
            awake.fetch_add(1);
          });
        }
        for (int i = 0; i < 100; ++i) yield();
        EXPECT_EQ(awake.load(), 0);
        gate.done();
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
      },
      options());
  EXPECT_EQ(awake.load(), waiters);
}

// The thread that wakes the last fiber may still be inside the wake-up when the runtime ends.
TEST_P(WaitGroup, FibersAndThreadsWaitForEachOther) {
  const std::int64_t rounds = scaled(300);
  for (std::int64_t round = 0; round < rounds; ++round) {
    wait_group from_thread;
    wait_group from_fiber;
    int value = 0;
    from_thread.add();
    from_fiber.add();
    std::jthread thread([&] {
      value = 1;
      from_thread.done();
      from_fiber.wait();
      EXPECT_EQ(value, 2);
    });
    run(
        [&] {
          from_thread.wait();
          EXPECT_EQ(value, 1);
          value = 2;
          from_fiber.done();
        },
        options());
  }
}

TEST_P(WaitGroup, WaitsNoLongerThanItIsAskedTo) {
  run(
      [] {
        wait_group one;
        one.add();
        EXPECT_FALSE(one.wait_for(std::chrono::milliseconds(1)));
        EXPECT_FALSE(one.wait_until(time_point::min()));
        one.done();
        EXPECT_TRUE(one.wait_for(std::chrono::hours(1)));
        EXPECT_TRUE(one.wait_until(time_point::min())) << "there is nothing to wait for";
      },
      options());
}

TEST_P(WaitGroup, TheWaiterMayDestroyIt) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto group = std::make_unique<wait_group>();
          group->add(3);
          for (int i = 0; i < 3; ++i) go([raw = group.get()] { raw->done(); });
          if (round % 3 == 0) yield();
          group->wait();
          group.reset();
        }
      },
      options());
}

TEST_P(WaitGroup, AStopCutsWaitOrStopAndNotWait) {
  run(
      [] {
        wait_group gate;
        gate.add();
        std::atomic<bool> passed{false};
        fiber stubborn([&] {
          gate.wait();
          passed.store(true);
        });
        fiber polite([&] { return gate.wait_or_stop().error() == errc::operation_canceled; });
        for (int i = 0; i < 100; ++i) yield();
        polite.request_stop();
        stubborn.request_stop();
        EXPECT_TRUE(polite.join().value());
        for (int i = 0; i < 100; ++i) yield();
        EXPECT_FALSE(passed.load());
        gate.done();
        EXPECT_TRUE(stubborn.join());
      },
      options());
}

TEST_P(WaitGroup, WaitOrStopReturnsWhenAllIsDone) {
  run(
      [] {
        wait_group gate;
        gate.add();
        fiber waiter([&] { return gate.wait_or_stop().has_value(); });
        for (int i = 0; i < 10; ++i) yield();
        gate.done();
        EXPECT_TRUE(waiter.join().value());
      },
      options());
}

TEST(WaitGroupLimits, CountsNoFurtherThanItCan) {
  wait_group group;
  group.add(2);
  EXPECT_THROW(group.add(2'147'483'646), std::logic_error);
  EXPECT_THROW(group.add(static_cast<std::size_t>(-1)), std::logic_error);
  group.done();
  group.done();
  group.wait();
  group.add(2'147'483'647);
}

class WaitGroupDeathTest : public ::testing::Test {
 protected:
  WaitGroupDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(WaitGroupDeathTest, ADoneWithoutItsAddIsReported) {
  EXPECT_DEATH(
      {
        wait_group group;
        group.add();
        group.done();
        group.done();
      },
      "sluice: done\\(\\) of a wait_group without its add\\(\\)");
}

#ifndef NDEBUG
TEST_F(WaitGroupDeathTest, DestroyingOneWithWaitersIsReported) {
  EXPECT_DEATH(run(
                   [] {
                     wait_group group;
                     group.add();
                     go([&] { group.wait(); });
                     for (int i = 0; i < 1000; ++i) yield();
                   },
                   {.processors = 1}),
               "sluice: a wait_group was destroyed while somebody waits for it");
}
#endif

}  // namespace
}  // namespace sluice
