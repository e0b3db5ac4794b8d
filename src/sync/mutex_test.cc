#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/sync.h"
#include "testing/crowd.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using testing::park_probe;
using testing::with_processors;
class Mutex : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Mutex);

constinit mutex usable_before_main;

// Each of them does `rounds` critical sections, every seventh of which is left in the middle.
std::int64_t count_together(const testing::crowd& who, std::int64_t rounds,
                            const run_options& options) {
  mutex guard;
  std::int64_t counter = 0;
  testing::together(who, options, [&](int) {
    for (std::int64_t round = 0; round < rounds; ++round) {
      const std::lock_guard held(guard);
      const std::int64_t before = counter;
      if (round % 7 == 0) yield();
      counter = before + 1;
    }
  });
  return counter;
}

TEST_P(Mutex, ExcludesFibersAndThreadsFromEachOther) {
  const std::int64_t rounds = scaled(2'000);
  for (const testing::crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    EXPECT_EQ(count_together(who, rounds, options()), who.size() * rounds);
  }
}

TEST_P(Mutex, WorksOnAPlainThreadWithoutARuntime) {
  const std::lock_guard held(usable_before_main);
  EXPECT_FALSE(usable_before_main.try_lock());
}

TEST_P(Mutex, TryLockTakesAFreeMutexOnly) {
  run(
      [] {
        mutex guard;
        ASSERT_TRUE(guard.try_lock());
        EXPECT_FALSE(fiber([&] { return guard.try_lock(); }).join().value());
        guard.unlock();
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, AHogDoesNotStarveAWaiter) {
  // The hog holds the mutex whenever somebody else runs, so that each woken waiter finds it taken.
  const std::int64_t limit = scaled(1'000'000);
  std::atomic<std::int64_t> sections{0};  // the waiter looks before it has the mutex
  std::int64_t sections_when_asked = 0;
  std::int64_t sections_when_got = limit;
  run(
      [&] {
        mutex guard;
        bool served = false;  // guarded by the mutex
        park_probe probe;
        guard.lock();
        fiber waiter([&] {
          probe.enter();
          sections_when_asked = sections.load();
          const std::lock_guard held(guard);
          sections_when_got = sections.load();
          served = true;
        });
        probe.await(rt::wait_kind::lock);
        for (;;) {
          yield();
          const bool done = served || sections.load() == limit;
          sections.fetch_add(1);
          guard.unlock();
          if (done) break;
          guard.lock();
        }
        EXPECT_TRUE(waiter.join());
      },
      options());
  EXPECT_LT(sections_when_got, limit);
  // With one processor nothing is left to chance: four times it is woken in vain, then handed over.
  if (options().processors == 1) {
    EXPECT_LE(sections_when_got - sections_when_asked, 6);
    EXPECT_GE(sections_when_got - sections_when_asked, 4) << "the mutex is not handed at once";
  }
}

TEST_P(Mutex, EveryOneOfManyWaitersIsServedBesideAHog) {
  constexpr int waiters = 20;
  const std::int64_t limit = scaled(1'000'000);
  std::int64_t sections = 0;
  int served = 0;
  std::vector<int> arrivals;
  std::vector<int> order;
  run(
      [&] {
        mutex guard;
        std::vector<park_probe> probes(waiters);
        std::vector<fiber<>> fibers;
        guard.lock();
        for (int i = 0; i < waiters; ++i) {
          park_probe& probe = probes[static_cast<std::size_t>(i)];
          fibers.emplace_back([&, i] {
            probe.enter();
            if (options().processors == 1) arrivals.push_back(i);
            const std::lock_guard held(guard);
            ++served;
            order.push_back(i);
          });
        }
        for (const park_probe& probe : probes) probe.await(rt::wait_kind::lock);
        for (bool done = false; !done; ++sections) {
          yield();
          done = served == waiters || sections == limit;
          guard.unlock();
          if (!done) guard.lock();
        }
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
      },
      options());
  EXPECT_LT(sections, limit);
  if (options().processors == 1) {
    EXPECT_LE(sections, waiters * 6);
    EXPECT_EQ(order, arrivals) << "a loser keeps its turn";
  }
}

TEST_P(Mutex, ADeadlineGivesUpAndLeavesNoTraceBehind) {
  using namespace std::chrono_literals;
  run(
      [] {
        timed_mutex guard;
        guard.lock();
        fiber waiter(
            [&] { return guard.try_lock_for(5ms) || guard.try_lock_until(time_point::min()); });
        EXPECT_FALSE(waiter.join().value());
        guard.unlock();
        EXPECT_TRUE(guard.try_lock_until(time_point::min())) << "a free one is taken";
        fiber patient([&] {
          const std::unique_lock held(guard, 1h);
          return held.owns_lock();
        });
        guard.unlock();
        EXPECT_TRUE(patient.join().value());
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, AStopCutsLockOrStopAndNotLock) {
  run(
      [] {
        mutex guard;
        std::atomic<bool> entered{false};
        guard.lock();
        fiber stubborn([&] {
          const std::lock_guard held(guard);
          entered.store(true);
        });
        fiber polite([&] { return guard.lock_or_stop().error() == errc::operation_canceled; });
        for (int i = 0; i < 100; ++i) yield();
        polite.request_stop();
        stubborn.request_stop();
        EXPECT_TRUE(polite.join().value());
        for (int i = 0; i < 100; ++i) yield();
        EXPECT_FALSE(entered.load());
        guard.unlock();
        EXPECT_TRUE(stubborn.join());
        EXPECT_TRUE(entered.load());
      },
      options());
}

TEST_P(Mutex, AWaiterThatWasStoppedLeavesNoTraceBehind) {
  run(
      [] {
        mutex guard;
        guard.lock();
        fiber waiter([&] { return guard.lock_or_stop().has_value(); });
        for (int i = 0; i < 100; ++i) yield();
        waiter.request_stop();
        EXPECT_FALSE(waiter.join().value());
        guard.unlock();
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, LockOrStopTakesAFreeMutex) {
  run(
      [] {
        mutex guard;
        EXPECT_TRUE(guard.lock_or_stop());
        EXPECT_FALSE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, AShieldedLockOrStopGoesOnWaiting) {
  run(
      [] {
        mutex guard;
        guard.lock();
        fiber shielded([&] {
          const this_fiber::shield shield;
          if (!guard.lock_or_stop()) return false;
          guard.unlock();
          return true;
        });
        for (int i = 0; i < 100; ++i) yield();
        shielded.request_stop();
        for (int i = 0; i < 100; ++i) yield();
        guard.unlock();
        EXPECT_TRUE(shielded.join().value());
      },
      options());
}

TEST_P(Mutex, AStopThatComesWithTheMutexLoses) {
  if (options().processors != 1) GTEST_SKIP() << "the order is certain with one processor only";
  run(
      [] {
        mutex guard;
        guard.lock();
        fiber waiter([&] {
          const bool owned = guard.lock_or_stop().has_value();
          EXPECT_FALSE(guard.try_lock()) << "who is told that he owns it does";
          if (owned) guard.unlock();
          return owned;
        });
        for (int i = 0; i < 100; ++i) yield();
        guard.unlock();
        waiter.request_stop();
        EXPECT_TRUE(waiter.join().value());
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, AStopThatComesWithTheHandOverLoses) {
  if (options().processors != 1) GTEST_SKIP() << "the order is certain with one processor only";
  run(
      [] {
        mutex guard;
        guard.lock();
        fiber waiter([&] {
          if (!guard.lock_or_stop()) return false;
          guard.unlock();
          return true;
        });
        int sections = 0;
        do {
          ASSERT_LT(++sections, 100) << "never handed over";
          yield();
          guard.unlock();
        } while (guard.try_lock());
        waiter.request_stop();
        EXPECT_TRUE(waiter.join().value());
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
}

TEST_P(Mutex, StopsDeadlinesAndHandOversLoseNoWakeUp) {
  // Stops and deadlines come at any moment; whoever is told to own the mutex owns it.
  const std::int64_t rounds = scaled(300);
  std::int64_t counter = 0;
  std::int64_t owned = 0;
  run(
      [&] {
        mutex guard;
        for (std::int64_t round = 0; round < rounds; ++round) {
          guard.lock();
          std::vector<fiber<bool>> fibers;
          for (int i = 0; i < 6; ++i) {
            fibers.emplace_back([&, i] {
              const bool owns = i % 2 == 1 ? guard.lock_or_stop().has_value()
                                           : guard.try_lock_for(std::chrono::microseconds(i * 15));
              if (!owns) return false;
              ++counter;
              yield();
              guard.unlock();
              return true;
            });
          }
          yield();
          fibers[1].request_stop();
          guard.unlock();
          fibers[3].request_stop();
          yield();
          fibers[5].request_stop();
          for (fiber<bool>& each : fibers) owned += each.join().value() ? 1 : 0;
        }
        EXPECT_TRUE(guard.try_lock());
        guard.unlock();
      },
      options());
  EXPECT_EQ(counter, owned);
}

TEST_P(Mutex, MayBeDestroyedByItsLastUser) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto guard = std::make_unique<mutex>();
          int left = 3;  // guarded by the mutex
          auto use = [&guard, &left] {
            guard->lock();
            const bool last = --left == 0;
            guard->unlock();
            if (last) guard.reset();
          };
          fiber first(use);
          fiber second(use);
          use();
          EXPECT_TRUE(first.join());
          EXPECT_TRUE(second.join());
          EXPECT_EQ(guard, nullptr);
        }
      },
      options());
}

class MutexDeathTest : public ::testing::Test {
 protected:
  MutexDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(MutexDeathTest, UnlockingWhatNobodyHoldsIsReported) {
  EXPECT_DEATH(
      {
        mutex guard;
        guard.unlock();
      },
      "sluice: a mutex was unlocked that nobody holds");
}

#ifndef NDEBUG
TEST_F(MutexDeathTest, UnlockingWhatAnotherOneHasLockedIsReported) {
  EXPECT_DEATH(run([] {
                 mutex guard;
                 guard.lock();
                 (void)fiber([&] { guard.unlock(); }).join();
               }),
               "sluice: a mutex was unlocked by somebody who has not locked it");
}

TEST_F(MutexDeathTest, DestroyingAHeldMutexIsReported) {
  EXPECT_DEATH(
      {
        mutex guard;
        guard.lock();
      },
      "sluice: a mutex was destroyed while somebody holds it");
}

TEST_F(MutexDeathTest, DestroyingAMutexWithWaitersIsReported) {
  EXPECT_DEATH(run(
                   [] {
                     auto guard = std::make_unique<mutex>();
                     guard->lock();
                     go([&guard] { guard->lock(); });
                     for (int i = 0; i < 1000; ++i) yield();
                     guard.reset();
                   },
                   {.processors = 1}),
               "sluice: a mutex was destroyed while somebody waits for it");
}
#endif

}  // namespace
}  // namespace sluice
