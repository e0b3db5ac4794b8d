#include "sluice/sync/once.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

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
class Once : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Once);

TEST_P(Once, IsDoneOnceAndEverybodySeesIt) {
  const std::int64_t rounds = scaled(200);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    for (std::int64_t round = 0; round < rounds; ++round) {
      once guard;
      int value = 0;
      testing::together(who, options(), [&](int) {
        guard.call(
            [&](int by) {
              yield();
              value += by;
            },
            2);
        EXPECT_EQ(value, 2);
        EXPECT_TRUE(guard.is_done());
      });
    }
  }
}

TEST_P(Once, AnExceptionLeavesItToTheNext) {
  run(
      [] {
        once guard;
        EXPECT_THROW(guard.call([] { throw std::runtime_error("not yet"); }), std::runtime_error);
        EXPECT_FALSE(guard.is_done());
        int calls = 0;
        guard.call([&] { ++calls; });
        guard.call([&] { ++calls; });
        EXPECT_TRUE(guard.call_for(0s, [&] { ++calls; }));
        EXPECT_TRUE(guard.call_or_stop([&] { ++calls; }));
        EXPECT_EQ(calls, 1);
      },
      options());
}

TEST_P(Once, WhoWaitsForAnotherOnesEndCanGiveUp) {
  run(
      [] {
        once guard;
        std::atomic<bool> may_end{false};
        std::atomic<bool> began{false};
        fiber doing([&] {
          guard.call([&] {
            began.store(true);
            while (!may_end.load()) yield();
          });
        });
        while (!began.load()) yield();
        const auto never = [] { ADD_FAILURE() << "it is being done"; };
        EXPECT_FALSE(guard.call_for(1ms, never));
        EXPECT_FALSE(guard.call_until(time_point::min(), never));
        park_probe probe;
        fiber stopped([&] {
          probe.enter();
          return guard.call_or_stop(never).error() == errc::operation_canceled;
        });
        probe.await(rt::wait_kind::lock);
        stopped.request_stop();
        EXPECT_TRUE(stopped.join().value());
        may_end.store(true);
        EXPECT_TRUE(doing.join());
        EXPECT_TRUE(guard.call_until(time_point::min(), never));
      },
      options());
}

}  // namespace
}  // namespace sluice
