#include "sluice/sync/semaphore.h"

#include <gtest/gtest.h>

#include <atomic>
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
class Semaphore : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Semaphore);

constinit counting_semaphore<> usable_before_main{1};

// How many were inside at most, with `permits` of them.
int crowding(const crowd& who, int permits, std::int64_t rounds, const run_options& options) {
  counting_semaphore<> free(permits);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  testing::together(who, options, [&](int number) {
    for (std::int64_t round = 0; round < rounds; ++round) {
      free.acquire();
      const int now = inside.fetch_add(1) + 1;
      int before = most.load();
      while (now > before && !most.compare_exchange_weak(before, now)) {
      }
      if ((round + number) % 5 == 0) yield();
      inside.fetch_sub(1);
      free.release();
    }
  });
  int left = 0;
  while (free.try_acquire()) ++left;
  EXPECT_EQ(left, permits) << "no permit is lost, none is made";
  return most.load();
}

TEST_P(Semaphore, LetsInAsManyAsThereArePermits) {
  const std::int64_t rounds = scaled(2'000);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    EXPECT_LE(crowding(who, 1, rounds, options()), 1);
    EXPECT_LE(crowding(who, 3, rounds, options()), 3);
  }
}

TEST_P(Semaphore, WorksOnAPlainThreadWithoutARuntime) {
  EXPECT_TRUE(usable_before_main.try_acquire());
  EXPECT_FALSE(usable_before_main.try_acquire());
  EXPECT_FALSE(usable_before_main.try_acquire_for(1ms));
  EXPECT_FALSE(usable_before_main.try_acquire_until(time_point::min()))
      << "the past waits for none";
  usable_before_main.release();
}

TEST_P(Semaphore, SeveralPermitsWakeAsManyInTheOrderOfTheirComing) {
  run(
      [] {
        counting_semaphore<> free(0);
        std::vector<fiber<>> fibers;
        std::vector<park_probe> probes(5);
        for (std::size_t i = 0; i < 5; ++i) {
          fibers.emplace_back([&, i] {
            probes[i].enter();
            free.acquire();
          });
          probes[i].await(rt::wait_kind::permit);
        }
        free.release(3);
        for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(fibers[i].join());
        EXPECT_FALSE(free.try_acquire())
            << "those who wait come first, in the order of their coming";
        free.release(4);
        for (std::size_t i = 3; i < 5; ++i) EXPECT_TRUE(fibers[i].join());
        EXPECT_TRUE(free.try_acquire());
        EXPECT_TRUE(free.try_acquire());
        EXPECT_FALSE(free.try_acquire());
      },
      options());
}

TEST_P(Semaphore, ADeadlineGivesUpAndLeavesNoTraceBehind) {
  run(
      [] {
        counting_semaphore<> free(0);
        EXPECT_FALSE(free.try_acquire_for(1ms));
        EXPECT_FALSE(free.try_acquire_until(time_point::min()));
        free.release();
        EXPECT_TRUE(free.try_acquire_until(time_point::min())) << "what is there is taken";
        free.release();
        EXPECT_TRUE(free.try_acquire_for(1h));
        fiber waiter([&] { return free.try_acquire_until(deadline::none()); });
        free.release();
        EXPECT_TRUE(waiter.join().value());
      },
      options());
}

TEST_P(Semaphore, AStopCutsAcquireOrStopAndNotAcquire) {
  run(
      [] {
        counting_semaphore<> free(0);
        park_probe at_polite;
        park_probe at_stubborn;
        fiber stubborn([&] {
          at_stubborn.enter();
          free.acquire();
        });
        at_stubborn.await(rt::wait_kind::permit);
        fiber polite([&] {
          at_polite.enter();
          return free.acquire_or_stop().error() == errc::operation_canceled;
        });
        at_polite.await(rt::wait_kind::permit);
        stubborn.request_stop();
        polite.request_stop();
        EXPECT_TRUE(polite.join().value());
        free.release();
        EXPECT_TRUE(stubborn.join());
        EXPECT_FALSE(free.try_acquire());
        free.release();
        EXPECT_TRUE(free.acquire_or_stop());
      },
      options());
}

TEST_P(Semaphore, StopsDeadlinesAndPermitsLoseNone) {
  const std::int64_t rounds = scaled(300);
  run(
      [&] {
        counting_semaphore<> free(0);
        for (std::int64_t round = 0; round < rounds; ++round) {
          std::vector<fiber<bool>> fibers;
          for (int i = 0; i < 6; ++i) {
            fibers.emplace_back([&, i] {
              if (i % 3 == 0) return free.try_acquire_for(std::chrono::microseconds(i * 20));
              return free.acquire_or_stop().has_value();
            });
          }
          yield();
          fibers[1].request_stop();
          free.release(2);
          fibers[2].request_stop();
          yield();
          free.release(2);
          fibers[4].request_stop();
          fibers[5].request_stop();
          std::int64_t taken = 0;
          for (fiber<bool>& each : fibers) taken += each.join().value() ? 1 : 0;
          std::int64_t left = 0;
          while (free.try_acquire()) ++left;
          ASSERT_EQ(taken + left, 4) << round;
        }
      },
      options());
}

TEST_P(Semaphore, MayBeDestroyedByWhoeverIsServedLast) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto free = std::make_unique<binary_semaphore>(0);
          fiber giver([raw = free.get()] { raw->release(); });
          if (round % 2 == 0) yield();
          free->acquire();
          free.reset();
          EXPECT_TRUE(giver.join());
        }
      },
      options());
}

TEST(SemaphoreBounds, AreChecked) {
  EXPECT_THROW(counting_semaphore<>(-1), std::invalid_argument);
  EXPECT_THROW(binary_semaphore(2), std::invalid_argument);
  EXPECT_EQ(binary_semaphore::max(), 1);
  counting_semaphore<> most(counting_semaphore<>::max());
  EXPECT_TRUE(most.try_acquire());
  most.release(0);
  most.release();
}

class SemaphoreDeathTest : public ::testing::Test {
 protected:
  SemaphoreDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(SemaphoreDeathTest, MoreThanTheMaximumIsReported) {
  EXPECT_DEATH(
      {
        binary_semaphore full(1);
        full.release();
      },
      "sluice: a semaphore was given more than max\\(\\) permits");
  EXPECT_DEATH(
      {
        binary_semaphore one(0);
        one.release(-1);
      },
      "sluice: a semaphore was given a negative number of permits");
}

#ifndef NDEBUG
TEST_F(SemaphoreDeathTest, DestroyingOneWithWaitersIsReported) {
  EXPECT_DEATH(run(
                   [] {
                     auto none = std::make_unique<binary_semaphore>(0);
                     park_probe probe;
                     go([&] {
                       probe.enter();
                       none->acquire();
                     });
                     probe.await(rt::wait_kind::permit);
                     none.reset();
                   },
                   {.processors = 1}),
               "sluice: a semaphore was destroyed while somebody waits for it");
}
#endif

}  // namespace
}  // namespace sluice
