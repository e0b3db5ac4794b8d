#include "sluice/sync/shared_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
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
class SharedMutex : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(SharedMutex);

constinit shared_mutex usable_before_main;

TEST_P(SharedMutex, AWriterIsAloneAndReadersAreTogether) {
  const std::int64_t rounds = scaled(1'000);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    shared_mutex guard;
    std::int64_t first = 0;
    std::int64_t second = 0;
    std::atomic<std::int64_t> written{0};
    testing::together(who, options(), [&](int number) {
      for (std::int64_t round = 0; round < rounds; ++round) {
        if ((round + number) % 3 == 0) {
          const std::lock_guard alone(guard);
          ++first;
          if (round % 2 == 0) yield();
          ++second;
          written.fetch_add(1);
        } else {
          const std::shared_lock together(guard);
          const std::int64_t before = first;
          if (round % 5 == 0) yield();
          EXPECT_EQ(before, second);
        }
      }
    });
    EXPECT_EQ(first, written.load());
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
  }
}

TEST_P(SharedMutex, WorksOnAPlainThreadWithoutARuntime) {
  const std::shared_lock reading(usable_before_main);
  EXPECT_TRUE(usable_before_main.try_lock_shared());
  EXPECT_FALSE(usable_before_main.try_lock());
  EXPECT_FALSE(usable_before_main.try_lock_for(1ms));
  EXPECT_TRUE(usable_before_main.try_lock_shared())
      << "a writer that has given up is in nobody's way";
  usable_before_main.unlock_shared();
  usable_before_main.unlock_shared();
}

// Fibers that note in one string who comes in: they are started one after another, and each waits
// before the next one starts.
class queue_of_fibers {
 public:
  explicit queue_of_fibers(shared_mutex& guard) : guard_(guard) {}

  void reader(char name) {
    start(rt::wait_kind::read_lock, [this, name] {
      guard_.lock_shared();
      note(name);
      while (!may_leave_.load()) yield();
      guard_.unlock_shared();
    });
  }
  void writer(char name) {
    start(rt::wait_kind::write_lock, [this, name] {
      const std::lock_guard alone(guard_);
      note(name);
    });
  }
  void let_readers_leave() { may_leave_.store(true); }
  // Once that many have come in.
  std::string who_came(std::size_t count) {
    for (;;) {
      {
        const std::lock_guard held(names_guard_);
        if (names_.size() >= count) return names_;
      }
      yield();
    }
  }

 private:
  template <class Work>
  void start(rt::wait_kind waits_for, Work work) {
    park_probe& probe = *probes_.emplace_back(std::make_unique<park_probe>());
    fibers_.emplace_back([work, &probe] {
      probe.enter();
      work();
    });
    probe.await(waits_for);
  }
  void note(char name) {
    const std::lock_guard held(names_guard_);
    names_ += name;
  }

  shared_mutex& guard_;
  std::atomic<bool> may_leave_{false};
  std::mutex names_guard_;
  std::string names_;
  std::vector<std::unique_ptr<park_probe>> probes_;
  std::vector<fiber<>> fibers_;
};

TEST_P(SharedMutex, ReadersWhoComeLaterWaitBehindAWriter) {
  run(
      [] {
        shared_mutex guard;
        guard.lock_shared();
        queue_of_fibers queue(guard);
        queue.writer('W');
        EXPECT_FALSE(guard.try_lock_shared());
        queue.reader('r');
        queue.let_readers_leave();
        guard.unlock_shared();
        EXPECT_EQ(queue.who_came(2), "Wr");
      },
      options());
}

TEST_P(SharedMutex, AWritersUnlockLetsAllReadersInBeforeTheNextWriter) {
  run(
      [] {
        shared_mutex guard;
        guard.lock();
        queue_of_fibers queue(guard);
        queue.writer('V');
        queue.reader('r');
        queue.writer('W');
        queue.reader('r');
        guard.unlock();
        EXPECT_EQ(queue.who_came(2), "rr") << "both at a time: neither has left";
        queue.let_readers_leave();
        const std::string all = queue.who_came(4);
        EXPECT_EQ(all, "rrVW");
      },
      options());
}

TEST_P(SharedMutex, AWriterThatGivesUpLetsTheReadersBehindItIn) {
  for (const bool by_stop : {true, false}) {
    run(
        [&] {
          shared_mutex guard;
          guard.lock_shared();
          park_probe at_writer;
          fiber writer([&] {
            at_writer.enter();
            if (by_stop) return guard.lock_or_stop().has_value();
            return guard.try_lock_for(20ms);
          });
          // Its time may be over before anybody sees it wait.
          if (by_stop) at_writer.await(rt::wait_kind::write_lock);
          yield();
          fiber reader([&] {
            guard.lock_shared();
            guard.unlock_shared();
          });
          if (by_stop) writer.request_stop();
          EXPECT_FALSE(writer.join().value());
          EXPECT_TRUE(reader.join()) << "though the first reader is still there";
          guard.unlock_shared();
          EXPECT_TRUE(guard.try_lock());
          guard.unlock();
        },
        options());
  }
}

TEST_P(SharedMutex, WaitsNoLongerThanItIsAskedTo) {
  run(
      [] {
        shared_mutex guard;
        guard.lock();
        EXPECT_FALSE(guard.try_lock_for(1ms));
        EXPECT_FALSE(guard.try_lock_until(time_point::min()));
        EXPECT_FALSE(guard.try_lock_shared_for(1ms));
        EXPECT_FALSE(guard.try_lock_shared_until(time_point::min()));
        park_probe probe;
        fiber reader([&] {
          probe.enter();
          return guard.lock_shared_or_stop().error() == errc::operation_canceled;
        });
        probe.await(rt::wait_kind::read_lock);
        reader.request_stop();
        EXPECT_TRUE(reader.join().value());
        guard.unlock();
        EXPECT_TRUE(guard.try_lock_until(time_point::min())) << "a free one is taken";
        guard.unlock();
        EXPECT_TRUE(guard.lock_or_stop());
        guard.unlock();
        EXPECT_TRUE(guard.lock_shared_or_stop());
        EXPECT_TRUE(guard.try_lock_shared_for(1h));
        guard.unlock_shared();
        guard.unlock_shared();
      },
      options());
}

TEST_P(SharedMutex, StopsAndDeadlinesLoseNobody) {
  const std::int64_t rounds = scaled(300);
  run(
      [&] {
        shared_mutex guard;
        for (std::int64_t round = 0; round < rounds; ++round) {
          guard.lock();
          std::vector<fiber<>> fibers;
          for (int i = 0; i < 8; ++i) {
            fibers.emplace_back([&, i] {
              const auto soon = std::chrono::microseconds(i * 15);
              if (i % 4 == 0 && guard.try_lock_for(soon)) guard.unlock();
              if (i % 4 == 1 && guard.try_lock_shared_for(soon)) guard.unlock_shared();
              if (i % 4 == 2 && guard.lock_or_stop()) guard.unlock();
              if (i % 4 == 3 && guard.lock_shared_or_stop()) guard.unlock_shared();
            });
          }
          yield();
          fibers[2].request_stop();
          guard.unlock();
          fibers[7].request_stop();
          for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
          ASSERT_TRUE(guard.try_lock()) << round;
          guard.unlock();
        }
      },
      options());
}

TEST_P(SharedMutex, MayBeDestroyedByItsLastUser) {
  const std::int64_t rounds = scaled(3'000);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          auto guard = std::make_unique<shared_mutex>();
          int left = 3;  // guarded by the mutex
          const auto use = [&] {
            guard->lock_shared();
            guard->unlock_shared();
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

class SharedMutexDeathTest : public ::testing::Test {
 protected:
  SharedMutexDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(SharedMutexDeathTest, UnlockingWhatNobodyHoldsIsReported) {
  EXPECT_DEATH(
      {
        shared_mutex guard;
        guard.unlock();
      },
      "sluice: a shared_mutex was unlocked that no writer holds");
  EXPECT_DEATH(
      {
        shared_mutex guard;
        guard.unlock_shared();
      },
      "sluice: a shared_mutex was unlocked that no reader holds");
}

#ifndef NDEBUG
TEST_F(SharedMutexDeathTest, UnlockingWhatAnotherOneHasLockedIsReported) {
  EXPECT_DEATH(run([] {
                 shared_mutex guard;
                 guard.lock();
                 (void)fiber([&] { guard.unlock(); }).join();
               }),
               "sluice: a shared_mutex was unlocked by somebody who has not locked it");
}

TEST_F(SharedMutexDeathTest, DestroyingAHeldOneIsReported) {
  EXPECT_DEATH(
      {
        shared_mutex guard;
        guard.lock_shared();
      },
      "sluice: a shared_mutex was destroyed while somebody holds it");
}
#endif

}  // namespace
}  // namespace sluice
