#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/sync.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::with_processors;
class ConditionVariable : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(ConditionVariable);

// A bounded queue; -1 ends a consumer.
class channel_of_ints {
 public:
  void put(std::int64_t value) {
    std::unique_lock lock(guard_);
    not_full_.wait(lock, [&] { return values_.size() < 4; });
    values_.push_back(value);
    not_empty_.notify_one();
  }
  std::int64_t take() {
    std::unique_lock lock(guard_);
    while (values_.empty()) not_empty_.wait(lock);
    const std::int64_t value = values_.front();
    values_.pop_front();
    lock.unlock();
    not_full_.notify_one();
    return value;
  }

 private:
  mutex guard_;
  condition_variable not_empty_;
  condition_variable not_full_;
  std::deque<std::int64_t> values_;
};

struct kinds {
  int fibers;
  int threads;
};

// Producers send 1 to `count` each; the consumers' sum must be the producers'.
void produce_and_consume(const kinds& producers, const kinds& consumers, std::int64_t count,
                         const run_options& options) {
  channel_of_ints channel;
  std::atomic<std::int64_t> sum{0};
  std::atomic<int> threads_left{producers.threads + consumers.threads};
  auto produce = [&] {
    for (std::int64_t value = 1; value <= count; ++value) channel.put(value);
  };
  auto consume = [&] {
    for (std::int64_t value = channel.take(); value >= 0; value = channel.take()) {
      sum.fetch_add(value);
    }
  };
  std::vector<std::jthread> threads;
  auto start_thread = [&](auto& what) {
    threads.emplace_back([&] {
      what();
      threads_left.fetch_sub(1);
    });
  };
  std::atomic<int> thread_producers_left{producers.threads};
  auto produce_on_thread = [&] {
    produce();
    thread_producers_left.fetch_sub(1);
  };
  for (int i = 0; i < producers.threads; ++i) start_thread(produce_on_thread);
  for (int i = 0; i < consumers.threads; ++i) start_thread(consume);
  run(
      [&] {
        std::vector<fiber<>> sources;
        std::vector<fiber<>> sinks;
        for (int i = 0; i < consumers.fibers; ++i) sinks.emplace_back(consume);
        for (int i = 0; i < producers.fibers; ++i) sources.emplace_back(produce);
        for (fiber<>& each : sources) EXPECT_TRUE(each.join());
        while (thread_producers_left.load() != 0) yield();
        for (int i = 0; i < consumers.fibers + consumers.threads; ++i) channel.put(-1);
        for (fiber<>& each : sinks) EXPECT_TRUE(each.join());
        while (threads_left.load() != 0) yield();
      },
      options);
  EXPECT_EQ(sum.load(), (producers.fibers + producers.threads) * count * (count + 1) / 2);
}

TEST_P(ConditionVariable, FibersProduceForFibers) {
  produce_and_consume({3, 0}, {4, 0}, scaled(2'000), options());
}

TEST_P(ConditionVariable, FibersProduceForThreads) {
  produce_and_consume({3, 0}, {0, 2}, scaled(1'000), options());
}

TEST_P(ConditionVariable, ThreadsProduceForFibers) {
  produce_and_consume({0, 2}, {3, 0}, scaled(1'000), options());
}

TEST_P(ConditionVariable, BothProduceForBoth) {
  produce_and_consume({2, 2}, {2, 2}, scaled(1'000), options());
}

TEST_P(ConditionVariable, APingPongLosesNoWakeUp) {
  const std::int64_t rounds = scaled(5'000);
  std::int64_t turn = 0;
  run(
      [&] {
        mutex guard;
        condition_variable changed;
        auto play = [&](std::int64_t parity) {
          for (std::int64_t round = 0; round < rounds; ++round) {
            std::unique_lock lock(guard);
            changed.wait(lock, [&] { return turn % 2 == parity; });
            ++turn;
            changed.notify_one();
          }
        };
        fiber even(play, std::int64_t{0});
        fiber odd(play, std::int64_t{1});
        EXPECT_TRUE(even.join());
        EXPECT_TRUE(odd.join());
      },
      options());
  EXPECT_EQ(turn, 2 * rounds);
}

TEST_P(ConditionVariable, NotifyAllWakesAThousandWaiters) {
  constexpr int waiters = 1'000;
  int awake = 0;
  run(
      [&] {
        mutex guard;
        condition_variable changed;
        int waiting = 0;
        bool open = false;
        wait_group all;
        all.add(waiters);
        for (int i = 0; i < waiters; ++i) {
          go([&] {
            {
              std::unique_lock lock(guard);
              ++waiting;
              while (!open) changed.wait(lock);
              ++awake;
            }
            all.done();
          });
        }
        for (bool everybody = false; !everybody; yield()) {
          const std::lock_guard held(guard);
          everybody = waiting == waiters;
        }
        {
          const std::lock_guard held(guard);
          EXPECT_EQ(awake, 0);
          open = true;
        }
        changed.notify_all();
        all.wait();
      },
      options());
  EXPECT_EQ(awake, waiters);
}

TEST_P(ConditionVariable, NotifyOneWakesOneAndTheLongestWaiterFirst) {
  if (options().processors != 1) GTEST_SKIP() << "the order is certain with one processor only";
  std::vector<int> order;
  run(
      [&] {
        mutex guard;
        condition_variable changed;
        std::vector<fiber<>> fibers;
        for (int i = 0; i < 5; ++i) {
          fibers.emplace_back([&, i] {
            std::unique_lock lock(guard);
            changed.wait(lock);
            order.push_back(i);
          });
          for (int j = 0; j < 10; ++j) yield();
        }
        for (std::size_t woken = 1; woken <= 5; ++woken) {
          changed.notify_one();
          for (int j = 0; j < 10; ++j) yield();
          EXPECT_EQ(order.size(), woken);
        }
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
      },
      options());
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

void expect_timeouts() {
  mutex guard;
  condition_variable never;
  std::unique_lock lock(guard);
  EXPECT_EQ(never.wait_until(lock, time_point::min()), std::cv_status::timeout);
  EXPECT_EQ(never.wait_for(lock, -1h), std::cv_status::timeout);
  const time_point begin = std::chrono::steady_clock::now();
  EXPECT_EQ(never.wait_for(lock, 3ms), std::cv_status::timeout);
  EXPECT_GE(std::chrono::steady_clock::now(), begin + 3ms);
  EXPECT_FALSE(never.wait_for(lock, 1ms, [] { return false; }));
  EXPECT_TRUE(never.wait_for(lock, -1ms, [] { return true; }));
  EXPECT_TRUE(lock.owns_lock());
  EXPECT_FALSE(guard.try_lock()) << "the mutex is held after a timeout";
}

TEST_P(ConditionVariable, ATimeoutOnAFiberComesWithTheMutex) { run(expect_timeouts, options()); }

TEST(ConditionVariableOnAThread, ATimeoutComesWithTheMutex) { expect_timeouts(); }

TEST_P(ConditionVariable, ATimeoutTakesNoNotificationAway) {
  // One waiter times out at any moment around the only notification; the other must get it then.
  const std::int64_t rounds = scaled(300);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          mutex guard;
          condition_variable changed;
          bool given = false;
          fiber hasty([&] {
            std::unique_lock lock(guard);
            if (changed.wait_for(lock, std::chrono::microseconds(round % 50)) ==
                std::cv_status::no_timeout) {
              changed.notify_one();  // passes on what it got
            }
          });
          fiber patient([&] {
            std::unique_lock lock(guard);
            while (!given) changed.wait(lock);
          });
          for (std::int64_t i = 0; i < round % 5; ++i) yield();
          {
            const std::lock_guard held(guard);
            given = true;
            changed.notify_one();
          }
          EXPECT_TRUE(hasty.join());
          EXPECT_TRUE(patient.join());
        }
      },
      options());
}

TEST_P(ConditionVariable, AStopCutsWaitOrStopAndNotWait) {
  run(
      [] {
        mutex guard;
        condition_variable changed;
        bool open = false;
        std::atomic<bool> passed{false};
        fiber stubborn([&] {
          std::unique_lock lock(guard);
          changed.wait(lock, [&] { return open; });
          passed.store(true);
        });
        fiber polite([&] {
          std::unique_lock lock(guard);
          const bool canceled = changed.wait_or_stop(lock).error() == errc::operation_canceled;
          EXPECT_FALSE(guard.try_lock()) << "the mutex is held all the same";
          return canceled;
        });
        fiber polite_loop([&] {
          std::unique_lock lock(guard);
          return changed.wait_or_stop(lock, [&] { return open; }).error() ==
                 errc::operation_canceled;
        });
        for (int i = 0; i < 100; ++i) yield();
        polite.request_stop();
        polite_loop.request_stop();
        stubborn.request_stop();
        EXPECT_TRUE(polite.join().value());
        EXPECT_TRUE(polite_loop.join().value());
        for (int i = 0; i < 100; ++i) yield();
        EXPECT_FALSE(passed.load());
        {
          const std::lock_guard held(guard);
          open = true;
        }
        changed.notify_all();
        EXPECT_TRUE(stubborn.join());
      },
      options());
}

TEST_P(ConditionVariable, WaitOrStopReturnsWhenNotified) {
  run(
      [] {
        mutex guard;
        condition_variable changed;
        bool open = false;
        fiber waiter([&] {
          std::unique_lock lock(guard);
          return changed.wait_or_stop(lock, [&] { return open; }).has_value();
        });
        for (int i = 0; i < 10; ++i) yield();
        {
          const std::lock_guard held(guard);
          open = true;
        }
        changed.notify_one();
        EXPECT_TRUE(waiter.join().value());
      },
      options());
}

TEST_P(ConditionVariable, MayBeDestroyedByItsNotifiedWaiter) {
  const std::int64_t rounds = scaled(2'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          struct shared {
            mutex guard;
            condition_variable changed;
            bool open = false;
          };
          shared* const together = new shared;
          fiber waiter([together] {
            {
              std::unique_lock lock(together->guard);
              while (!together->open) together->changed.wait(lock);
            }
            delete together;
          });
          if (round % 2 == 0) yield();
          {
            const std::lock_guard held(together->guard);
            together->open = true;
            together->changed.notify_all();
          }
          EXPECT_TRUE(waiter.join());
        }
      },
      options());
}

#ifndef NDEBUG
TEST(ConditionVariableDeathTest, DestroyingOneWithWaitersIsReported) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(run(
                   [] {
                     mutex guard;
                     condition_variable changed;
                     go([&] {
                       std::unique_lock lock(guard);
                       changed.wait(lock);
                     });
                     for (int i = 0; i < 1000; ++i) yield();
                   },
                   {.processors = 1}),
               "sluice: a condition_variable was destroyed while somebody waits for it");
}
#endif

}  // namespace
}  // namespace sluice
