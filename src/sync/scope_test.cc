#include "sluice/scope.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "sluice/channel.h"
#include "sluice/run.h"
#include "sluice/sync.h"
#include "sluice/task_group.h"
#include "testing/crowd.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::crowd;
using testing::park_probe;
class Scope : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Scope);

TEST_P(Scope, WhatIsThereIsTakenUntilTheDeadlineHasPassed) {
  run(
      [] {
        channel<int> two(2);
        EXPECT_TRUE(two.send(1));
        EXPECT_EQ(with_timeout(1h, [&] { return two.receive(); }).value(), 1);
        EXPECT_EQ(with_deadline({}, [&] { return two.send(2); }), result<void>());
        EXPECT_EQ(with_timeout(-1s, [&] { return two.receive(); }).error(),
                  errc::deadline_exceeded);
        EXPECT_EQ(two.receive().value(), 2);
      },
      options());
}

TEST_P(Scope, ReturnsWhatTheFunctionReturnsAndThrows) {
  run(
      [] {
        EXPECT_EQ(with_timeout(1h, [] { return std::string("here"); }), "here");
        int there = 0;
        int& same = with_timeout(1h, [&]() -> int& { return there; });
        EXPECT_EQ(&same, &there);
        auto box = shield([] { return std::make_unique<int>(3); });
        EXPECT_EQ(*box, 3);
        EXPECT_THROW(with_stop_token({}, [] { throw std::string("out"); }), std::string);
        EXPECT_TRUE(this_fiber::current_deadline().is_none());
        EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
      },
      options());
}

TEST_P(Scope, OfNestedDeadlinesTheEarlierCounts) {
  run(
      [] {
        const time_point soon = time_point::clock::now() + 1h;
        with_deadline(soon, [&] {
          EXPECT_EQ(this_fiber::current_deadline(), deadline(soon));
          with_deadline(soon + 1h,
                        [&] { EXPECT_EQ(this_fiber::current_deadline(), deadline(soon)); });
          with_deadline(soon - 1min,
                        [&] { EXPECT_EQ(this_fiber::current_deadline(), deadline(soon - 1min)); });
          EXPECT_EQ(this_fiber::current_deadline(), deadline(soon));
        });
        EXPECT_TRUE(this_fiber::current_deadline().is_none());
        channel<int> never_used;
        with_timeout(1ms, [&] {
          EXPECT_EQ(with_timeout(1h, [&] { return never_used.receive(); }).error(),
                    errc::deadline_exceeded);
        });
        // The inner one is over, the outer one is not.
        with_timeout(1h, [&] {
          EXPECT_FALSE(with_timeout(1ms, [&] { return never_used.receive(); }));
          EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
          EXPECT_TRUE(sleep_for(1ns));
        });
      },
      options());
}

TEST_P(Scope, TellsADeadlineFromACancellation) {
  run(
      [] {
        channel<int> numbers;
        with_timeout(1ms, [&] {
          for (const int number : numbers) ADD_FAILURE() << number;
          EXPECT_EQ(this_fiber::stop_reason(), errc::deadline_exceeded);
          EXPECT_TRUE(this_fiber::stop_requested());
          // Both: the cancellation comes first.
          std::stop_source source;
          source.request_stop();
          with_stop_token(source.get_token(),
                          [&] { EXPECT_EQ(this_fiber::stop_reason(), errc::operation_canceled); });
          EXPECT_EQ(this_fiber::stop_reason(), errc::deadline_exceeded);
        });
        EXPECT_FALSE(this_fiber::stop_requested());
        numbers.close();
        for (const int number : numbers) ADD_FAILURE() << number;
        EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
      },
      options());
}

TEST_P(Scope, TheCaseOfASelectThatComesFirstCounts) {
  run(
      [] {
        channel<int> never_used;
        int got = 0;
        with_timeout(1h,
                     [&] { EXPECT_EQ(select(never_used.receiving(got), after(1ms)).value(), 1U); });
        with_timeout(1ms, [&] {
          EXPECT_EQ(select(never_used.receiving(got), after(1h)).error(), errc::deadline_exceeded);
        });
      },
      options());
}

TEST_P(Scope, AShieldKeepsOutWhatBeganOutside) {
  run(
      [] {
        std::stop_source source;
        channel<int> numbers(1);
        park_probe probe;
        fiber waiter([&] {
          return with_timeout(1ms, [&] {
            return with_stop_token(source.get_token(), [&] {
              const auto got = shield([&] {
                probe.enter();
                return numbers.receive();
              });
              EXPECT_EQ(this_fiber::stop_reason(), errc::operation_canceled);
              return got.value_or(-1);
            });
          });
        });
        probe.await(rt::wait_kind::receive);
        source.request_stop();
        waiter.request_stop();
        EXPECT_TRUE(sleep_for(2ms));
        EXPECT_TRUE(numbers.send(5));
        EXPECT_EQ(waiter.join().value(), 5);
      },
      options());
}

TEST_P(Scope, WhatBeginsInAShieldIsInForce) {
  run(
      [] {
        std::stop_source outside;
        std::stop_source inside;
        channel<int> never_used;
        park_probe probe;
        fiber waiter([&] {
          with_stop_token(outside.get_token(), [&] {
            shield([&] {
              EXPECT_EQ(with_timeout(1ms, [&] { return never_used.receive(); }).error(),
                        errc::deadline_exceeded);
              EXPECT_EQ(with_stop_token(inside.get_token(),
                                        [&] {
                                          probe.enter();
                                          return never_used.receive();
                                        })
                            .error(),
                        errc::operation_canceled);
              EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
            });
          });
        });
        probe.await(rt::wait_kind::receive);
        // Neither reaches the wait: it goes on until its own scope is stopped.
        outside.request_stop();
        waiter.request_stop();
        EXPECT_TRUE(sleep_for(1ms));
        inside.request_stop();
        EXPECT_TRUE(waiter.join());
      },
      options());
}

TEST_P(Scope, CleanupAfterAStopCanStillWait) {
  run(
      [] {
        channel<int> farewells(1);
        struct says_farewell {
          channel<int>& to;
          ~says_farewell() {
            EXPECT_FALSE(to.send(1));
            shield([&] { EXPECT_TRUE(to.send(2)); });
          }
        };
        fiber waiter([&] {
          const says_farewell at_end{farewells};
          return sleep_for(1h);
        });
        waiter.request_stop();
        EXPECT_EQ(waiter.join()->error(), errc::operation_canceled);
        EXPECT_EQ(farewells.receive().value(), 2);
      },
      options());
}

TEST_P(Scope, ATokenThatTellsNothingStopsNothing) {
  run(
      [] {
        EXPECT_TRUE(with_stop_token(std::stop_token(), [] { return sleep_for(1ms); }));
        std::stop_token orphan = std::stop_source().get_token();
        EXPECT_TRUE(with_stop_token(orphan, [] { return sleep_for(1ms); }));
        EXPECT_TRUE(with_deadline(time_point::max(), [] { return sleep_for(1ms); }));
      },
      options());
}

TEST_P(Scope, AStopOfTheOuterOneReachesTheInnerOnes) {
  run(
      [] {
        std::stop_source outer;
        std::stop_source inner;
        park_probe probe;
        fiber waiter([&] {
          with_stop_token(outer.get_token(), [&] {
            with_stop_token(inner.get_token(), [&] {
              probe.enter();
              EXPECT_FALSE(sleep_for(1h));
            });
            EXPECT_FALSE(sleep_for(1h));
          });
          EXPECT_TRUE(sleep_for(1ms));
        });
        probe.await(rt::wait_kind::sleep);
        outer.request_stop();
        EXPECT_TRUE(waiter.join());

        // And an inner one does not reach the outer one.
        std::stop_source only_inner;
        with_stop_token(std::stop_source().get_token(), [&] {
          with_stop_token(only_inner.get_token(), [&] {
            only_inner.request_stop();
            EXPECT_FALSE(sleep_for(1h));
          });
          EXPECT_TRUE(sleep_for(1ms));
        });
      },
      options());
}

TEST_P(Scope, AHandleStopsTheGroupsOfItsFiber) {
  run(
      [] {
        std::atomic<int> stopped{0};
        event told;
        park_probe probe;
        fiber parent([&] {
          task_group group;
          for (int i = 0; i < 3; ++i) {
            group.go([&] {
              task_group below;
              below.go([&] {
                if (!sleep_for(1h)) stopped.fetch_add(1);
              });
              below.go([&] {
                shield([&] { EXPECT_TRUE(told.wait_or_stop()); });
                EXPECT_FALSE(sleep_for(1ms));
              });
              EXPECT_FALSE(sleep_for(1h));
            });
          }
          // Not woken: the tasks are, by themselves.
          shield([&] {
            probe.enter();
            while (stopped.load() != 3) EXPECT_TRUE(sleep_for(100us));
          });
        });
        probe.await(rt::wait_kind::sleep);
        parent.request_stop();
        parent.request_stop();
        told.set();
        EXPECT_TRUE(parent.join());
        EXPECT_EQ(stopped.load(), 3);
      },
      options());
}

TEST_P(Scope, AHandlesTokenIsItsFibersScope) {
  run(
      [] {
        std::atomic<int> calls{0};
        event seen;
        fiber waiter([&] {
          const std::stop_callback inside(this_fiber::get_stop_token(),
                                          [&] { calls.fetch_add(1); });
          seen.set();
          return sleep_for(1h);
        });
        seen.wait();
        const std::stop_callback outside(waiter.get_stop_token(), [&] { calls.fetch_add(1); });
        EXPECT_TRUE(waiter.get_stop_token() == waiter.get_stop_token());
        EXPECT_FALSE(waiter.get_stop_token().stop_requested());
        waiter.request_stop();
        EXPECT_EQ(calls.load(), 2);
        EXPECT_FALSE(waiter.join()->has_value());
        EXPECT_FALSE(waiter.get_stop_token().stop_possible());

        // Also while the fiber ends, and after that.
        for (int i = 0; i < 100; ++i) {
          fiber ends_at_once([] {});
          const std::stop_token token = ends_at_once.get_stop_token();
          ends_at_once.request_stop();
          EXPECT_TRUE(token.stop_requested());
        }
      },
      options());
}

TEST_P(Scope, TokensAreStoppedFromAboveAndByTheEndOfTheRun) {
  std::atomic<int> calls{0};
  run(
      [&] {
        std::stop_source outer;
        with_stop_token(outer.get_token(), [&] {
          task_group group;
          event ready;
          group.go([&] {
            with_stop_token(std::stop_source().get_token(), [&] {
              const std::stop_callback on(this_fiber::get_stop_token(),
                                          [&] { calls.fetch_add(1); });
              ready.set();
              shield([&] {
                EXPECT_FALSE(this_fiber::get_stop_token().stop_possible());
                while (calls.load() == 0) yield();
              });
            });
          });
          ready.wait();
          EXPECT_FALSE(this_fiber::get_stop_token().stop_requested());
          outer.request_stop();
          EXPECT_TRUE(this_fiber::get_stop_token().stop_requested());
          EXPECT_TRUE(group.get_stop_token().stop_requested());
        });
        EXPECT_EQ(calls.load(), 1);

        event ready(event::reset_mode::automatic);
        const auto waits_for_the_end = [&] {
          const std::stop_callback on(this_fiber::get_stop_token(), [&] { calls.fetch_add(1); });
          ready.set();
          EXPECT_FALSE(sleep_for(1h));
        };
        go([&] { waits_for_the_end(); });
        ready.wait();
        go([&] { with_stop_token(std::stop_source().get_token(), waits_for_the_end); });
        ready.wait();
      },
      options());
  EXPECT_EQ(calls.load(), 3);
}

TEST_P(Scope, AGroupMayOutliveTheFrameThatItBeganIn) {
  run(
      [] {
        std::stop_source source;
        std::unique_ptr<task_group> group;
        with_stop_token(source.get_token(), [&] { group = std::make_unique<task_group>(); });
        source.request_stop();
        group->go([] { return sleep_for(1ms); });
        EXPECT_TRUE(group->wait());
      },
      options());
}

// Fibers go in and out of nested scopes, with groups below them, while others stop these: nobody is
// woken who is not inside, nobody waits for ever.
TEST_P(Scope, EnteringLeavingAndStoppingAtTheSameTime) {
  const auto rounds = static_cast<int>(scaled(400));
  testing::together(testing::only_fibers, options(), [&](int number) {
    for (int i = 0; i < rounds; ++i) {
      std::stop_source outer;
      std::stop_source inner;
      channel<int> never_used;
      fiber stopper([&] {
        if ((i + number) % 3 == 0) yield();
        ((i + number) % 2 == 0 ? inner : outer).request_stop();
      });
      with_stop_token(outer.get_token(), [&] {
        task_group group;
        group.go([&] {
          with_stop_token(inner.get_token(), [&] { return never_used.receive(); });
          EXPECT_TRUE(inner.stop_requested() || outer.stop_requested());
        });
        with_stop_token(inner.get_token(),
                        [&] { EXPECT_EQ(never_used.receive().error(), errc::operation_canceled); });
        if (number % 2 == 0) group.cancel();
        EXPECT_TRUE(inner.stop_requested() || outer.stop_requested());
      });
      EXPECT_TRUE(stopper.join());
    }
  });
}

}  // namespace
}  // namespace sluice
