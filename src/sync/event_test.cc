#include "sluice/sync/event.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
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
class Event : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Event);

TEST_P(Event, AManualOneLetsEverybodyPassUntilItIsReset) {
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    event started;
    int value = 0;
    std::atomic<int> passed{0};
    std::jthread setter([&] {
      value = 1;
      started.set();
      started.set();
    });
    testing::together(who, options(), [&](int) {
      started.wait();
      EXPECT_EQ(value, 1);
      passed.fetch_add(1);
    });
    EXPECT_EQ(passed.load(), who.size());
    EXPECT_TRUE(started.try_wait());
    setter.join();
    started.reset();
    EXPECT_FALSE(started.is_set());
    EXPECT_FALSE(started.try_wait());
  }
}

TEST_P(Event, AnAutomaticOneLetsOnePassForEachSet) {
  const std::int64_t rounds = scaled(2'000);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    // A baton: whoever has it is alone.
    event baton(event::reset_mode::automatic, true);
    std::int64_t counter = 0;
    testing::together(who, options(), [&](int number) {
      for (std::int64_t round = 0; round < rounds; ++round) {
        baton.wait();
        const std::int64_t before = counter;
        if ((round + number) % 7 == 0) yield();
        counter = before + 1;
        baton.set();
      }
    });
    EXPECT_EQ(counter, who.size() * rounds);
    EXPECT_TRUE(baton.try_wait());
    EXPECT_FALSE(baton.try_wait()) << "what was set once is taken once";
  }
}

TEST_P(Event, AnAutomaticOneGoesToTheLongestWaiterAndIsNotSetThen) {
  run(
      [] {
        event turn(event::reset_mode::automatic);
        std::atomic<int> awake{0};
        std::vector<fiber<>> fibers;
        std::vector<park_probe> probes(3);
        for (std::size_t i = 0; i < 3; ++i) {
          fibers.emplace_back([&, i] {
            probes[i].enter();
            turn.wait();
            awake.fetch_add(1);
          });
          probes[i].await(rt::wait_kind::event);
        }
        for (int i = 1; i <= 3; ++i) {
          turn.set();
          EXPECT_FALSE(turn.is_set());
          EXPECT_TRUE(fibers[static_cast<std::size_t>(i - 1)].join());
          EXPECT_EQ(awake.load(), i);
        }
      },
      options());
}

TEST_P(Event, WaitsNoLongerThanItIsAskedTo) {
  run(
      [] {
        for (const auto mode : {event::reset_mode::manual, event::reset_mode::automatic}) {
          event never(mode);
          EXPECT_FALSE(never.wait_for(1ms));
          EXPECT_FALSE(never.wait_until(time_point::min()));
          park_probe probe;
          fiber waiter([&] {
            probe.enter();
            return never.wait_or_stop().error() == errc::operation_canceled;
          });
          probe.await(rt::wait_kind::event);
          waiter.request_stop();
          EXPECT_TRUE(waiter.join().value());
          never.set();
          EXPECT_TRUE(never.wait_until(time_point::min())) << "what is set is taken";
          EXPECT_EQ(never.is_set(), mode == event::reset_mode::manual);
        }
      },
      options());
}

TEST_P(Event, StopsAndDeadlinesLoseNoSet) {
  const std::int64_t rounds = scaled(500);
  run(
      [&] {
        event turn(event::reset_mode::automatic);
        for (std::int64_t round = 0; round < rounds; ++round) {
          fiber timed([&] { return turn.wait_for(std::chrono::microseconds(round % 50)); });
          fiber stopped([&] { return turn.wait_or_stop().has_value(); });
          yield();
          stopped.request_stop();
          turn.set();
          const int passed = (timed.join().value() ? 1 : 0) + (stopped.join().value() ? 1 : 0);
          ASSERT_EQ(passed + (turn.try_wait() ? 1 : 0), 1) << round;
        }
      },
      options());
}

TEST_P(Event, TheWaiterMayDestroyIt) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto done = std::make_unique<event>(static_cast<event::reset_mode>(round % 2));
          fiber setter([raw = done.get()] { raw->set(); });
          if (round % 3 == 0) yield();
          done->wait();
          done.reset();
          EXPECT_TRUE(setter.join());
        }
      },
      options());
}

}  // namespace
}  // namespace sluice
