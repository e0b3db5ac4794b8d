// fairness_test.cc: fibers that keep a processor busy starve nobody. No clock: everybody else
// completes a number of steps while they go on; with the rule switched off, the same steps are not
// completed, so that each test can fail.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sched/runtime.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/ping_pong.h"
#include "testing/scale.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

// Enough for the others by far, if they get any turn at all.
constexpr std::int64_t busy_limit = 300'000;

// Long enough that it is not over before it has begun where a look at the clock is slow.
constexpr auto nap = 100us;

class Fairness : public ::testing::Test {
 protected:
  void TearDown() override { rt::switched = {}; }

  // Runs `steps` others beside two fibers that keep waking each other, on one processor. Returns
  // whether they were through before the pair gave up.
  template <class Others>
  static bool complete_beside_a_pair(Others&& others) {
    bool completed = false;
    run(
        [&] {
          std::atomic<bool> done{false};
          testing::ping_pong pair;
          const auto enough = [&] { return done.load() || pair.rounds() > busy_limit; };
          fiber other([&] {
            others();
            done.store(true);
          });
          fiber left([&] { pair.play(0, enough); });
          fiber right([&] { pair.play(1, enough); });
          (void)left.join();
          (void)right.join();
          completed = done.load();
        },
        {.processors = 1, .monitor = false});
    return completed;
  }

  template <class Others>
  static bool complete_beside_a_yielder(Others&& others) {
    bool completed = false;
    run(
        [&] {
          std::atomic<bool> done{false};
          fiber other([&] {
            others();
            done.store(true);
          });
          for (std::int64_t i = 0; i < busy_limit && !done.load(); ++i) yield();
          completed = done.load();
        },
        {.processors = 1, .monitor = false});
    return completed;
  }
};

#ifndef SLUICE_MIGRATE  // there, every park goes through another processor's inbox

void take_steps() {
  for (int i = 0; i < 1000; ++i) yield();
}

void take_naps() {
  for (int i = 0; i < 10; ++i) (void)sleep_for(nap);
}

void be_woken_by_threads() {
  for (int i = 0; i < 10; ++i) {
    std::atomic<bool> ran{false};
    std::thread([&] { go([&] { ran.store(true); }); }).join();
    while (!ran.load() && !this_fiber::stop_requested()) (void)sleep_for(nap);
  }
}

TEST_F(Fairness, APairThatWakesEachOtherLeavesTurnsToOthers) {
  EXPECT_TRUE(complete_beside_a_pair(take_steps));
}

TEST_F(Fairness, WithoutTheNextSlotsBudgetThePairKeepsTheProcessor) {
  rt::switched.no_next_budget = true;
  EXPECT_FALSE(complete_beside_a_pair(take_steps));
}

TEST_F(Fairness, APairThatWakesEachOtherDoesNotHoldUpTimers) {
  EXPECT_TRUE(complete_beside_a_pair(take_naps));
}

TEST_F(Fairness, AYieldingFiberLeavesTurnsToOthers) {
  EXPECT_TRUE(complete_beside_a_yielder(take_steps));
}

TEST_F(Fairness, AYieldingFiberDoesNotHoldUpTimers) {
  EXPECT_TRUE(complete_beside_a_yielder(take_naps));
}

TEST_F(Fairness, WithoutThePeriodicLookAYieldingFiberHoldsUpTimers) {
  rt::switched.no_periodic_look = true;
  EXPECT_FALSE(complete_beside_a_yielder(take_naps));
}

TEST_F(Fairness, AYieldingFiberDoesNotHoldUpWorkFromPlainThreads) {
  EXPECT_TRUE(complete_beside_a_yielder(be_woken_by_threads));
}

// What stands in the next slot of a processor whose fiber never leaves: only the monitor's look
// gets it to another processor.
bool next_slot_runs_beside_a_spinner(bool monitor) {
  bool ran = false;
  std::atomic<bool> done{false};  // outlives the fiber that sets it, which may run after the first
  run(
      [&] {
        go([&] { done.store(true); });
        const std::int64_t limit = monitor ? 1'000'000'000'000 : 20'000'000;
        for (std::int64_t i = 0; i < limit && !done.load(); ++i) {
        }
        ran = done.load();
      },
      {.processors = 2, .monitor = monitor});
  return ran;
}

TEST_F(Fairness, TheMonitorHandsOnWhatWaitsBehindASpinningFiber) {
  EXPECT_TRUE(next_slot_runs_beside_a_spinner(true));
}

// A fiber that yields behind one that it has just started is told of: nobody has to come by.
TEST_F(Fairness, AnIdleProcessorTakesWhoYieldsBehindAFiberOfTheNextSlot) {
  bool taken = false;
  std::atomic<bool> back{false};  // outlives the fiber that spins
  run(
      [&] {
        std::atomic<bool> over{false};
        while (rt::current_runtime()->idle().idle_count() != 1) yield();
        go([&] {
          constexpr std::int64_t limit = 5'000'000'000;
          for (std::int64_t i = 0; i < limit && !back.load(); ++i) {
          }
          taken = back.load();
          over.store(true);
        });
        yield();
        back.store(true);
        while (!over.load()) yield();
      },
      {.processors = 2, .monitor = false});
  EXPECT_TRUE(taken);
}

TEST_F(Fairness, WithoutTheMonitorItWaits) { EXPECT_FALSE(next_slot_runs_beside_a_spinner(false)); }

#endif

}  // namespace
}  // namespace sluice
