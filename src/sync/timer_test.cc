#include "sluice/timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sluice/channel.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::park_probe;
class Timer : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Timer);

// Whether a tick is there.
bool has_ticked(timer& of) { return select(of.ticking(), otherwise).value() == 0; }

TEST_P(Timer, TicksOnceAtItsTimeAndNotBefore) {
  run(
      [] {
        const auto begin = time_point::clock::now();
        timer soon(2ms);
        EXPECT_TRUE(soon.wait());
        EXPECT_GE(time_point::clock::now() - begin, 2ms);
        EXPECT_FALSE(has_ticked(soon));
        timer at_once(time_point::min());
        EXPECT_TRUE(has_ticked(at_once));
        EXPECT_FALSE(has_ticked(at_once));
        timer never;
        EXPECT_FALSE(has_ticked(never));
        EXPECT_EQ(with_timeout(1ms, [&] { return never.wait(); }).error(), errc::deadline_exceeded);
      },
      options());
}

TEST_P(Timer, AfterAStopOrAResetThereIsNoStaleTick) {
  run(
      [] {
        timer one(time_point::min());
        EXPECT_TRUE(one.stop());
        EXPECT_FALSE(has_ticked(one));
        EXPECT_FALSE(one.stop());
        EXPECT_FALSE(one.reset(time_point::min()));
        EXPECT_TRUE(one.reset(1h));
        EXPECT_FALSE(has_ticked(one));
        EXPECT_TRUE(one.reset(-1s));
        EXPECT_TRUE(has_ticked(one));
        EXPECT_FALSE(one.reset(1ms));
        EXPECT_TRUE(one.wait());
      },
      options());
}

TEST_P(Timer, WhoWaitsFollowsTheTime) {
  run(
      [] {
        timer one(1h);
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return one.wait();
        });
        probe.await(rt::wait_kind::select);
        EXPECT_TRUE(one.reset(2h));
        probe.await(rt::wait_kind::select);
        EXPECT_TRUE(one.stop());
        EXPECT_FALSE(one.reset(1ms));
        EXPECT_TRUE(waiter.join().value());
      },
      options());
}

TEST_P(Timer, OneTickIsTakenByOneOfThoseWhoWait) {
  run(
      [] {
        timer one(1h);
        std::atomic<int> taken{0};
        std::vector<fiber<>> waiters;
        for (int i = 0; i < 8; ++i) {
          waiters.emplace_back([&] {
            if (one.wait()) taken.fetch_add(1);
          });
        }
        for (int i = 1; i <= 4; ++i) {
          (void)one.reset(time_point::min());
          while (taken.load() != i) yield();
        }
        EXPECT_FALSE(has_ticked(one));
        for (auto& each : waiters) each.request_stop();
        for (auto& each : waiters) EXPECT_TRUE(each.join());
        EXPECT_EQ(taken.load(), 4);
      },
      options());
}

TEST_P(Timer, ATickerKeepsItsTimesAndDropsWhatNobodyTook) {
  run(
      [] {
        ticker often(1ms);
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(often.wait());
        // Those that were missed count as one.
        EXPECT_TRUE(sleep_for(5ms));
        while (select(often.ticking(), otherwise).value() != 0) EXPECT_TRUE(sleep_for(1ms));
        EXPECT_TRUE(often.reset(1h));
        EXPECT_EQ(select(often.ticking(), otherwise).value(), 1U);
        EXPECT_TRUE(often.stop());
        EXPECT_FALSE(often.stop());
        EXPECT_FALSE(often.reset(1ms));
        EXPECT_TRUE(often.wait());
        EXPECT_THROW(ticker(0s), std::logic_error);
        EXPECT_THROW(often.reset(-1s), std::logic_error);
        EXPECT_TRUE(often.wait());
      },
      options());
}

TEST_P(Timer, StandsInASelectBesideChannels) {
  run(
      [] {
        channel<int> numbers;
        ticker heartbeat(1ms);
        timer end;
        int got = 0;
        int beats = 0;
        for (bool over = false; !over;) {
          switch (select(numbers.receiving(got), heartbeat.ticking(), end.ticking()).value()) {
            case 1:
              if (++beats == 3) (void)end.reset(time_point::min());
              break;
            case 2:
              over = true;
              break;
            default:
              FAIL();
          }
        }
        EXPECT_GE(beats, 3);
        bool handled = false;
        (void)end.reset(time_point::min());
        EXPECT_EQ(select(numbers.receiving(got), end.ticking([&] { handled = true; })).value(), 1U);
        EXPECT_TRUE(handled);
        // One that is switched off keeps its tick.
        (void)end.reset(time_point::min());
        EXPECT_EQ(select(end.ticking().when(false), otherwise).value(), 1U);
        EXPECT_TRUE(has_ticked(end));
      },
      options());
}

TEST_P(Timer, ServesPlainThreads) {
  run(
      [] {
        timer one(1h);
        std::atomic<bool> ticked{false};
        std::jthread plain([&] {
          EXPECT_TRUE(one.wait());
          ticked.store(true);
        });
        while (!ticked.load()) {
          (void)one.reset(time_point::min());
          yield();
        }
      },
      options());
}

// Every reset() that reports no outstanding tick follows one that was taken, and the other way
// round: no tick is lost, and none comes twice.
TEST_P(Timer, TakersAndResettersAgreeAboutEveryTick) {
  const auto rounds = static_cast<int>(scaled(3000));
  run(
      [&] {
        timer one;
        std::atomic<int> taken{0};
        std::vector<fiber<>> takers;
        for (int i = 0; i < 3; ++i) {
          takers.emplace_back([&] {
            while (one.wait()) taken.fetch_add(1);
          });
        }
        int set = 0;
        int taken_back = 0;
        for (int i = 0; i < rounds; ++i) {
          const bool outstanding =
              i % 5 == 4 ? one.stop()
                         : one.reset(i % 2 == 0 ? deadline(time_point::min()) : deadline::in(1h));
          if (outstanding) ++taken_back;
          if (i % 5 != 4) ++set;
          if (i % 3 == 0) yield();
        }
        if (one.stop()) ++taken_back;
        for (auto& each : takers) each.request_stop();
        for (auto& each : takers) EXPECT_TRUE(each.join());
        EXPECT_EQ(taken.load() + taken_back, set);
      },
      options());
}

}  // namespace
}  // namespace sluice
