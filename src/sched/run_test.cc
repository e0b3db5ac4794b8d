// run_test.cc: run(), its result, its end, and what it leaves behind.
#include "sluice/run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "fiber/sanitizer.h"
#include "poller/poller_backends.h"
#include "sluice/fiber.h"
#include "testing/process.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using testing::with_processors;
class Run : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Run);

TEST_P(Run, ReturnsWhatTheFunctionReturns) {
  EXPECT_EQ(run([] { return 42; }, options()), 42);
  EXPECT_EQ(run([] { return std::string("text"); }, options()), "text");
  run([] {}, options());
}

TEST_P(Run, RethrowsWhatTheFunctionThrows) {
  EXPECT_THROW(run([] { throw std::runtime_error("thrown"); }, options()), std::runtime_error);
}

TEST_P(Run, IsRefusedWhileItRuns) {
  run([&] { EXPECT_THROW(run([] {}, options()), std::logic_error); }, options());
}

TEST_P(Run, TellsWhichPollerIsInUse) {
  EXPECT_EQ(stats().poller, "");
  const auto name = run([] { return stats().poller; }, options());
  EXPECT_EQ(name, rt::choose_poller().name);
  std::printf("poller: %s\n", std::string(name).c_str());
}

TEST_P(Run, GoesOutsideARuntimeIsALogicError) {
  EXPECT_THROW(go([] {}), std::logic_error);
  EXPECT_FALSE(try_go([] {}).has_value());
}

TEST_P(Run, WaitsForEveryFiberItStarted) {
  std::atomic<int> ended{0};
  const std::int64_t count = scaled(1000);
  run(
      [&] {
        for (std::int64_t i = 0; i < count; ++i) {
          go([&ended] {
            yield();
            ended.fetch_add(1);
          });
        }
      },
      options());
  EXPECT_EQ(ended.load(), count);
}

TEST_P(Run, CancelsSleepersWhenTheFunctionReturns) {
  std::atomic<int> canceled{0};
  const std::int64_t count = scaled(1000);
  run(
      [&] {
        std::atomic<int> asleep{0};
        for (std::int64_t i = 0; i < count; ++i) {
          go([&] {
            asleep.fetch_add(1);
            const auto slept = sleep_for(std::chrono::hours(1));
            if (!slept && slept.error() == errc::operation_canceled) canceled.fetch_add(1);
          });
        }
        while (asleep.load() != count) yield();
      },
      options());
  EXPECT_EQ(canceled.load(), count);
}

TEST_P(Run, AShieldedFiberFinishesItsSleep) {
  bool finished = false;
  run(
      [&] {
        std::atomic<bool> shielded{false};
        go([&] {
          const this_fiber::shield guard;
          shielded.store(true);
          finished = sleep_for(std::chrono::milliseconds(5)).has_value();
        });
        while (!shielded.load()) yield();
      },
      options());
  EXPECT_TRUE(finished);
}

TEST_P(Run, AFiberStartedWhileStoppingIsAskedToStopAtOnce) {
  std::atomic<bool> late_was_canceled{false};
  run(
      [&] {
        std::atomic<bool> ready{false};
        go([&] {
          ready.store(true);
          (void)sleep_for(std::chrono::hours(1));
          go([&] { late_was_canceled.store(!sleep_for(std::chrono::hours(1)).has_value()); });
        });
        while (!ready.load()) yield();
      },
      options());
  EXPECT_TRUE(late_was_canceled.load());
}

TEST_P(Run, LeavesNoThreadDescriptorOrMappingBehind) {
  const auto once = [&] { run([] { fiber([] {}).join().value(); }, options()); };
  once();  // what the C++ library and the allocator keep for themselves is there now
  const auto before = testing::process_state();
  const std::int64_t rounds = scaled(1000);
  for (std::int64_t i = 0; i < rounds; ++i) once();
  const auto after = testing::settled_process_state(before.threads);
  EXPECT_LE(after.threads, before.threads);
  EXPECT_EQ(after.descriptors, before.descriptors);
  // A sanitizer maps memory of its own for each thread that ever was.
  if (!rt::sanitizers_active()) {
    EXPECT_LE(after.mappings, before.mappings + 8) << rounds;
  }
}

TEST_P(Run, PlainThreadsMayStartFibers) {
  std::atomic<int> ran{0};
  run(
      [&] {
        std::thread outside([&] {
          for (int i = 0; i < 100; ++i) go([&] { ran.fetch_add(1); });
        });
        while (ran.load() != 100) yield();
        outside.join();
      },
      options());
  EXPECT_EQ(ran.load(), 100);
}

TEST_P(Run, ReportsFibersThatDoNotEndInTime) {
  ::testing::internal::CaptureStderr();
  auto late = options();
  late.stop_grace = std::chrono::milliseconds(1);
  run(
      [&] {
        std::atomic<bool> started{false};
        go([&] {
          const this_fiber::shield guard;
          started.store(true);
          (void)sleep_for(std::chrono::milliseconds(60));
        });
        while (!started.load()) yield();
      },
      late);
  const std::string report = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(report.find("run_test.cc"), std::string::npos) << report;
  EXPECT_NE(report.find("sleep"), std::string::npos) << report;
}

}  // namespace
}  // namespace sluice
