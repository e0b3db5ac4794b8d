#include "sluice/task_group.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/channel.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::park_probe;
class TaskGroup : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(TaskGroup);

result<void> fail_as(errc why) { return std::unexpected(error(why)); }

TEST_P(TaskGroup, WaitsForAllOfItsTasks) {
  run(
      [] {
        std::atomic<int> sum{0};
        task_group group;
        for (int i = 1; i <= 100; ++i) {
          group.go([&](int number) { sum.fetch_add(number); }, i);
        }
        group.go([&] {
          yield();
          sum.fetch_add(1);
          return result<void>();
        });
        group.go([&](std::unique_ptr<int> moved) { sum.fetch_add(*moved); },
                 std::make_unique<int>(2));
        EXPECT_TRUE(group.wait());
        EXPECT_EQ(sum.load(), 5053);
        EXPECT_EQ(group.size(), 0U);
        EXPECT_TRUE(group.failures().empty());
        // And goes on.
        group.go([&] { sum.store(0); });
        EXPECT_TRUE(group.wait());
        EXPECT_EQ(sum.load(), 0);
      },
      options());
}

TEST_P(TaskGroup, ReturnsTheFirstErrorAndKeepsTheOthers) {
  run(
      [] {
        task_group group;
        event first;
        group.go([&] {
          first.wait();
          yield();
          throw std::runtime_error("later");
        });
        group.go([&] {
          first.set();
          return fail_as(errc::closed);
        });
        group.go([] { return result<int>(7); });
        try {
          // Whichever has ended first.
          EXPECT_EQ(group.wait().error(), errc::closed);
        } catch (const std::runtime_error& failure) {
          EXPECT_STREQ(failure.what(), "later");
        }
        const auto all = group.failures();
        ASSERT_EQ(all.size(), 2U);
        EXPECT_EQ(
            std::ranges::count_if(
                all, [](const task_failure& each) { return each.error == error(errc::closed); }),
            1);
        EXPECT_EQ(std::ranges::count_if(
                      all, [](const task_failure& each) { return each.exception != nullptr; }),
                  1);
      },
      options());
}

TEST_P(TaskGroup, RethrowsTheFirstException) {
  run(
      [] {
        task_group group;
        group.go([] { throw std::runtime_error("thrown by a task"); });
        EXPECT_THROW((void)group.wait(), std::runtime_error);
        group.go([] { return fail_as(errc::closed); });
        EXPECT_THROW((void)group.wait(), std::runtime_error);
        EXPECT_EQ(group.failures().size(), 2U);
      },
      options());
}

TEST_P(TaskGroup, CancelReachesThoseWhoWaitAndThoseWhoCome) {
  run(
      [] {
        task_group group;
        channel<int> never_used;
        park_probe probe;
        group.go([&] {
          probe.enter();
          return never_used.receive();
        });
        probe.await(rt::wait_kind::receive);
        EXPECT_FALSE(group.is_cancelled());
        group.cancel();
        group.cancel();
        EXPECT_TRUE(group.is_cancelled());
        group.go([] {
          EXPECT_EQ(this_fiber::stop_reason(), errc::operation_canceled);
          return sleep_for(1h);
        });
        EXPECT_EQ(group.wait().error(), errc::operation_canceled);
        EXPECT_EQ(group.failures().size(), 2U);
        // The caller was not asked.
        EXPECT_EQ(this_fiber::stop_reason(), std::nullopt);
      },
      options());
}

TEST_P(TaskGroup, TheDestructorStopsWhatStillRunsAndWaits) {
  run(
      [] {
        std::atomic<int> ended{0};
        {
          task_group group;
          for (int i = 0; i < 10; ++i) {
            group.go([&] {
              EXPECT_FALSE(sleep_for(1h));
              shield([] { EXPECT_TRUE(sleep_for(100us)); });
              ended.fetch_add(1);
            });
          }
        }
        EXPECT_EQ(ended.load(), 10);
      },
      options());
}

TEST_P(TaskGroup, AFailureStopsTheOthersIfThatIsAskedFor) {
  run(
      [] {
        task_group group({.cancel_on_failure = true});
        for (int i = 0; i < 5; ++i) group.go([] { return sleep_for(1h); });
        group.go([] { return fail_as(errc::limit_exceeded); });
        EXPECT_EQ(group.wait().error(), errc::limit_exceeded);
        EXPECT_EQ(group.failures().size(), 6U);
      },
      options());
}

TEST_P(TaskGroup, AStoppedParentStopsItsTasksAndJoinsThem) {
  run(
      [] {
        std::atomic<int> ended{0};
        park_probe probe;
        fiber parent([&] {
          task_group group;
          for (int i = 0; i < 4; ++i) {
            group.go([&] {
              (void)sleep_for(1h);
              shield([] { (void)sleep_for(100us); });
              ended.fetch_add(1);
            });
          }
          probe.enter();
          auto waited = group.wait();
          EXPECT_EQ(ended.load(), 4);
          return waited;
        });
        probe.await(rt::wait_kind::group);
        parent.request_stop();
        EXPECT_EQ(parent.join()->error(), errc::operation_canceled);
      },
      options());
}

TEST_P(TaskGroup, TasksInheritTheScopeInWhichTheGroupBegan) {
  run(
      [] {
        channel<int> never_used;
        const auto cut = with_timeout(1ms, [&] {
          task_group group;
          group.go([&] { return never_used.receive(); });
          return with_timeout(1h, [&] { return group.wait(); });
        });
        EXPECT_EQ(cut.error(), errc::deadline_exceeded);

        // Not the one in which the task was started.
        task_group outside;
        with_timeout(-1s, [&] { outside.go([] { return sleep_for(1ns); }); });
        EXPECT_TRUE(outside.wait());

        // A shield too, also against the end of the run.
        go([&] {
          shield([] {
            task_group cleanup;
            cleanup.go([] { EXPECT_TRUE(sleep_for(1ms)); });
            EXPECT_TRUE(cleanup.wait());
          });
        });
      },
      options());
}

TEST_P(TaskGroup, NeverRunsMoreThanItsLimit) {
  run(
      [] {
        task_group group({.limit = 3});
        std::atomic<int> now{0};
        std::atomic<int> most{0};
        for (int i = 0; i < 50; ++i) {
          EXPECT_TRUE(group.go([&] {
            const int running = now.fetch_add(1) + 1;
            int seen = most.load();
            while (seen < running && !most.compare_exchange_weak(seen, running)) {
            }
            yield();
            now.fetch_sub(1);
          }));
        }
        EXPECT_TRUE(group.wait());
        EXPECT_LE(most.load(), 3);

        // Who is asked to stop while it waits for room starts nothing.
        task_group full({.limit = 1});
        event over;
        full.go([&] { over.wait(); });
        EXPECT_EQ(with_timeout(1ms, [&] { return full.go([] { FAIL(); }); }).error(),
                  errc::deadline_exceeded);
        over.set();
        EXPECT_EQ(full.wait().error(), errc::deadline_exceeded);
      },
      options());
}

TEST_P(TaskGroup, GivesTheResultOfEachTask) {
  run(
      [] {
        task_group group;
        task<int> number = group.start([] { return 6; });
        task<std::string> text = group.start([]() -> result<std::string> { return "seven"; });
        task<int> failed =
            group.start([]() -> result<int> { return std::unexpected(error(errc::closed)); });
        task<void> nothing = group.start([] { yield(); });
        task<int> thrown = group.start([]() -> int { throw std::runtime_error("no number"); });
        EXPECT_EQ(number.get().value(), 6);
        EXPECT_EQ(text.get().value(), "seven");
        EXPECT_EQ(failed.get().error(), errc::closed);
        EXPECT_TRUE(nothing.get());
        EXPECT_THROW((void)thrown.get(), std::runtime_error);
        EXPECT_THROW((void)number.get(), std::logic_error);
        EXPECT_FALSE(number.is_done());
        try {
          EXPECT_FALSE(group.wait());
        } catch (const std::runtime_error&) {
        }
        EXPECT_EQ(group.failures().size(), 2U);
        auto box = group.start([] { return std::make_unique<int>(8); });
        EXPECT_EQ(*box.get().value(), 8);
        // One that nobody asks.
        (void)group.start([] { return 9; });
      },
      options());
}

TEST_P(TaskGroup, AskingForAResultCanBeCutShort) {
  run(
      [] {
        task_group group;
        event over;
        auto slow = group.start([&] {
          over.wait();
          return 1;
        });
        EXPECT_EQ(with_timeout(1ms, [&] { return slow.get(); }).error(), errc::deadline_exceeded);
        over.set();
        EXPECT_EQ(slow.get().value(), 1);
      },
      options());
}

TEST_P(TaskGroup, ATaskCannotWaitForItsOwnGroup) {
  run(
      [] {
        task_group group;
        group.go([&] { EXPECT_THROW((void)group.wait(), std::logic_error); });
        EXPECT_TRUE(group.wait());
      },
      options());
}

TEST_P(TaskGroup, ServesAPlainThread) {
  run(
      [] {
        std::atomic<bool> done{false};
        std::jthread plain([&] {
          {
            task_group group;
            auto number = group.start([] {
              EXPECT_NE(this_fiber::id(), 0U);
              return 4;
            });
            EXPECT_EQ(number.get().value(), 4);
            group.go([] { return sleep_for(1h); });
            EXPECT_EQ(with_timeout(1ms, [&] { return group.wait(); }).error(),
                      errc::deadline_exceeded);
          }
          done.store(true);
        });
        while (!done.load()) yield();
      },
      options());
}

TEST_P(TaskGroup, WhatATaskHoldsIsGoneWhenItIsWaitedFor) {
  run(
      [] {
        for (int i = 0; i < 100; ++i) {
          auto held = std::make_shared<int>(1);
          task_group group;
          group.go([held] { yield(); });
          EXPECT_TRUE(group.wait());
          EXPECT_EQ(held.use_count(), 1);
        }
      },
      options());
}

TEST_P(TaskGroup, GroupsComeAndGoWhileTheyAreStopped) {
  const auto rounds = static_cast<int>(scaled(300));
  run(
      [&] {
        std::atomic<int> ended{0};
        for (int i = 0; i < rounds; ++i) {
          auto top = std::make_unique<task_group>();
          for (int j = 0; j < 4; ++j) {
            top->go([&, j] {
              task_group below({.limit = 2, .cancel_on_failure = j % 2 == 0});
              for (int k = 0; k < 4; ++k) {
                below.go([&, k] {
                  if (k == 3) yield();
                  auto slept = sleep_for(k == 2 ? std::chrono::nanoseconds(1) : 1h);
                  ended.fetch_add(1);
                  return slept;
                });
              }
              EXPECT_FALSE(below.wait());
              return result<void>();
            });
          }
          if (i % 3 != 0) yield();
          if (i % 2 == 0) top->cancel();
          top.reset();
        }
        EXPECT_GT(ended.load(), 0);
      },
      options());
}

TEST_P(TaskGroup, TheFirstSuccessStopsTheOthers) {
  run(
      [] {
        first_success<int> attempts;
        attempts.go([]() -> result<int> { return std::unexpected(error(errc::closed)); });
        attempts.go([]() -> result<int> {
          if (auto slept = sleep_for(1h); !slept) return std::unexpected(slept.error());
          return 1;
        });
        attempts.go([] {
          yield();
          return 2;
        });
        EXPECT_EQ(attempts.wait().value(), 2);
        EXPECT_THROW((void)attempts.wait(), std::logic_error);
      },
      options());
}

TEST_P(TaskGroup, WithoutASuccessTheFirstFailureIsTold) {
  run(
      [] {
        first_success<int> attempts;
        event first;
        attempts.go([&]() -> result<int> {
          first.wait();
          return std::unexpected(error(errc::end_of_stream));
        });
        attempts.go([&]() -> result<int> {
          first.set();
          return std::unexpected(error(errc::closed));
        });
        const auto none = attempts.wait();
        EXPECT_TRUE(none.error() == errc::closed || none.error() == errc::end_of_stream);

        first_success<int> thrown;
        thrown.go([]() -> int { throw std::runtime_error("no"); });
        EXPECT_THROW((void)thrown.wait(), std::runtime_error);

        first_success<int> empty;
        EXPECT_THROW((void)empty.wait(), std::logic_error);
        // One that could not be started is none.
        struct cannot_move {
          cannot_move() = default;
          cannot_move(const cannot_move&) { throw std::runtime_error("no copy"); }
          int operator()() const { return 1; }
        };
        const cannot_move attempt;
        EXPECT_THROW(empty.go(attempt), std::runtime_error);
        EXPECT_THROW((void)empty.wait(), std::logic_error);

        first_success<int> late;
        late.go([]() -> result<int> {
          if (auto slept = sleep_for(1h); !slept) return std::unexpected(slept.error());
          return 1;
        });
        EXPECT_EQ(with_timeout(1ms, [&] { return late.wait(); }).error(), errc::deadline_exceeded);
      },
      options());
}

using TaskGroupDeathTest = TaskGroup;
SLUICE_INSTANTIATE_WITH_PROCESSORS(TaskGroupDeathTest);

TEST_P(TaskGroupDeathTest, DestroyingItsOwnGroupEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run(
                   [] {
                     auto group = std::make_unique<task_group>();
                     task_group& all = *group;
                     all.go([&] { group.reset(); });
                     (void)sleep_for(1h);
                   },
                   options()),
               "sluice: a task destroys its own group, which would wait for it");
}

}  // namespace
}  // namespace sluice
