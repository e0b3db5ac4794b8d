// timers_test.cc: arming and moving, many at once, and from several threads.
#include "sched/timers.h"

#include <gtest/gtest.h>

#include <vector>

#include "os/clock.h"
#include "sched/park.h"
#include "sluice/fiber.h"
#include "testing/scale.h"

namespace sluice::rt {
namespace {

// Timers that tell nobody: their owner is a fiber that does not wait with a deadline.
std::vector<timer> quiet_timers(std::int64_t count) {
  std::vector<timer> timers(static_cast<std::size_t>(count));
  for (timer& each : timers) each.owner = this_fiber_or_null()->index;
  return timers;
}

TEST(Timers, AMillionCanBeArmedAtOnceMovedAndUnlinked) {
  const std::int64_t count = scaled(1'000'000);
  run(
      [&] {
        runtime& owner = *current_runtime();
        processor& home = owner.processors()[0];
        auto timers = quiet_timers(count);
        const std::int64_t far = os::monotonic_now() + 3'600'000'000'000;
        for (std::int64_t i = 0; i < count; ++i) {
          arm_timer(owner, timers[static_cast<std::size_t>(i)], far + i * 7919 % count);
        }
        EXPECT_EQ(home.timers.size(), static_cast<std::size_t>(count));
        EXPECT_EQ(home.earliest.load(), far);
        for (timer& each : timers) arm_timer(owner, each, each.word.time() + 1'000);  // later
        EXPECT_EQ(home.timers.top()->key, far) << "moving later must not touch the heap";
        for (timer& each : timers) unlink_timer(owner, each);
        EXPECT_TRUE(home.timers.empty());
      },
      {.processors = 1, .monitor = false});
}

TEST(Timers, WhatIsDueLeavesTheHeapInBatches) {
  const std::int64_t count = scaled(10'000);
  run(
      [&] {
        runtime& owner = *current_runtime();
        processor& home = owner.processors()[0];
        auto timers = quiet_timers(count);
        const std::int64_t now = os::monotonic_now();
        for (std::int64_t i = 0; i < count; ++i) {
          arm_timer(owner, timers[static_cast<std::size_t>(i)], now - i);
        }
        control_block* due[expiry_batch];
        std::int64_t batches = 1;
        while (expire_timers(owner, home, now, due).more) ++batches;
        EXPECT_EQ(batches, count / expiry_batch + 1);
        EXPECT_TRUE(home.timers.empty());
      },
      {.processors = 1, .monitor = false});
}

TEST(Timers, AStoppedTimerDoesNotFireAndOneMovedEarlierDoes) {
  run(
      [&] {
        runtime& owner = *current_runtime();
        processor& home = owner.processors()[0];
        auto timers = quiet_timers(2);
        const std::int64_t now = os::monotonic_now();
        arm_timer(owner, timers[0], now + 1'000'000'000);
        arm_timer(owner, timers[1], now + 2'000'000'000);
        timers[0].word.stop();
        arm_timer(owner, timers[1], now - 1);
        EXPECT_EQ(home.earliest.load(), now - 1);
        control_block* due[expiry_batch];
        (void)expire_timers(owner, home, now, due);
        EXPECT_FALSE(timers[1].word.is_linked());
        EXPECT_TRUE(timers[0].word.is_linked());
        unlink_timer(owner, timers[0]);
      },
      {.processors = 1, .monitor = false});
}

TEST(Timers, ManyThreadsMoveTheSameTimer) {
  const std::int64_t rounds = scaled(20'000);
  // Outlives the runtime: expiry may still look at a timer that it has unlinked.
  std::vector<timer> timers(1);
  run(
      [&] {
        runtime& owner = *current_runtime();
        timers[0].owner = this_fiber_or_null()->index;
        {
          std::vector<fiber<>> movers;
          for (int m = 0; m < 4; ++m) {
            movers.emplace_back([&, m] {
              std::int64_t when = os::monotonic_now();
              for (std::int64_t i = 0; i < rounds; ++i) {
                arm_timer(owner, timers[0], when + (i % 3) * 1'000 * (m + 1));
                if (i % 64 == 0) yield();
              }
            });
          }
          for (auto& each : movers) (void)each.join();
        }
        unlink_timer(owner, timers[0]);
        for (processor& each : owner.processors()) EXPECT_TRUE(each.timers.empty());
      },
      {.processors = 4});
}

}  // namespace
}  // namespace sluice::rt
