// fiber_test.cc: go, fiber<T>, yield, sleep, fiber_local, and the C++ state that travels along.
#include "sluice/fiber.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/run.h"
#include "testing/matches.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
class Fiber : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Fiber);

int sum(int a, std::unique_ptr<int> b) { return a + *b; }

TEST_P(Fiber, JoinReturnsTheFunctionsValueAndMovesItsArguments) {
  run(
      [] {
        fiber worker(sum, 40, std::make_unique<int>(2));
        EXPECT_EQ(worker.join().value(), 42);
        EXPECT_FALSE(worker.joinable());
      },
      options());
}

TEST_P(Fiber, JoinRethrowsWhatTheFunctionThrew) {
  run(
      [] {
        fiber worker([] { throw std::runtime_error("from the fiber"); });
        EXPECT_THROW((void)worker.join(), std::runtime_error);
      },
      options());
}

TEST_P(Fiber, JoiningAnEmptyHandleOrItselfIsALogicError) {
  run(
      [] {
        fiber<> empty;
        EXPECT_THROW((void)empty.join(), std::logic_error);
        fiber<>* self = nullptr;
        std::atomic<bool> assigned{false};
        fiber<> worker([&] {
          while (!assigned.load()) yield();
          EXPECT_THROW((void)self->join(), std::logic_error);
        });
        self = &worker;
        assigned.store(true);
        (void)worker.join();
      },
      options());
}

TEST_P(Fiber, TheDestructorAsksTheFiberToStopAndWaits) {
  bool canceled = false;
  run([&] { const fiber sleeper([&] { canceled = !sleep_for(1h).has_value(); }); }, options());
  EXPECT_TRUE(canceled);
}

TEST_P(Fiber, StoppingOneFiberLeavesTheOthersAlone) {
  run(
      [&] {
        fiber first([] { return sleep_for(1h).has_value(); });
        fiber second([] { return sleep_for(1ms).has_value(); });
        first.request_stop();
        EXPECT_FALSE(first.join().value());
        EXPECT_TRUE(second.join().value());
      },
      options());
}

TEST_P(Fiber, AStoppedFibersJoinIsCutShortAndTheHandleStaysJoinable) {
  run(
      [&] {
        fiber outer([] {
          fiber inner([] { (void)sleep_for(1h); });
          const auto joined = inner.join();
          EXPECT_FALSE(joined.has_value());
          EXPECT_TRUE(joined.error() == errc::operation_canceled);
          EXPECT_TRUE(inner.joinable());
        });
        outer.request_stop();
        (void)outer.join();
      },
      options());
}

TEST_P(Fiber, SleepsInTheOrderOfTheirDeadlines) {
  std::vector<int> order;
  run(
      [&] {
        const auto start = time_point::clock::now() + 2ms;
        std::vector<fiber<>> sleepers;
        std::atomic<int> woken{0};
        for (int i = 4; i >= 0; --i) {
          sleepers.emplace_back([&, i] {
            (void)sleep_until(start + i * 3ms);
            EXPECT_GE(time_point::clock::now(), start + i * 3ms);
            woken.fetch_add(1);
          });
        }
        for (auto& each : sleepers) (void)each.join();
        EXPECT_EQ(woken.load(), 5);
      },
      options());
}

TEST_P(Fiber, ManyTimersCanBeArmedAtOnce) {
  const std::int64_t count = scaled(20'000);
  run(
      [&] {
        std::atomic<std::int64_t> canceled{0};
        std::atomic<std::int64_t> started{0};
        {
          std::vector<fiber<>> sleepers;
          for (std::int64_t i = 0; i < count; ++i) {
            sleepers.emplace_back([&, i] {
              started.fetch_add(1);
              if (!sleep_for(1h + std::chrono::microseconds(i * 7919 % count))) {
                canceled.fetch_add(1);
              }
            });
          }
          while (started.load() != count) yield();
        }
        EXPECT_EQ(canceled.load(), count);
      },
      options());
}

TEST_P(Fiber, LocalsBelongToTheFiberAndAreDestroyedAtItsEnd) {
  static std::atomic<int> alive{0};
  struct counted {
    counted() { alive.fetch_add(1); }
    ~counted() { alive.fetch_sub(1); }
    int value = 0;
  };
  static fiber_local<counted> local;
  run(
      [&] {
        std::vector<fiber<int>> fibers;
        for (int i = 0; i < 20; ++i) {
          fibers.emplace_back([i] {
            local->value = i;
            yield();
            return local->value;
          });
        }
        for (int i = 0; i < 20; ++i) {
          EXPECT_EQ(fibers[static_cast<std::size_t>(i)].join().value(), i);
        }
      },
      options());
  EXPECT_EQ(alive.load(), 0);
  std::thread([&] {
    local->value = 1;
    EXPECT_EQ(alive.load(), 1);
  }).join();
  EXPECT_EQ(alive.load(), 0);
}

// Hops until it has been on two threads, or gives up where there is only one.
void change_threads() {
  for (int i = 0; i < 50; ++i) (void)sleep_for(10us);
}

TEST_P(Fiber, AnExceptionBeingHandledTravelsWithTheFiber) {
  run(
      [&] {
        std::vector<fiber<>> fibers;
        for (int i = 0; i < 8; ++i) {
          fibers.emplace_back([i] {
            try {
              try {
                throw i;
              } catch (int) {
                change_threads();
                throw;
              }
            } catch (int caught) {
              EXPECT_EQ(caught, i);
            }
          });
        }
        for (auto& each : fibers) (void)each.join();
      },
      options());
}

TEST_P(Fiber, AParkDuringUnwindingKeepsTheCountOfUncaughtExceptions) {
  struct parks_when_destroyed {
    ~parks_when_destroyed() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      change_threads();
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
  };
  run(
      [&] {
        std::vector<fiber<>> fibers;
        for (int i = 0; i < 4; ++i) {
          fibers.emplace_back([] {
            try {
              const parks_when_destroyed guard;
              throw 1;
            } catch (int) {
            }
            EXPECT_EQ(std::uncaught_exceptions(), 0);
          });
        }
        for (auto& each : fibers) (void)each.join();
      },
      options());
}

TEST_P(Fiber, ALargeStackIsThereWhenAskedFor) {
  run(
      [&] {
        fiber deep(spawn_options{.stack_size = std::size_t{8} << 20}, [] {
          volatile char buffer[4 << 20];
          buffer[0] = 1;
          buffer[sizeof(buffer) - 1] = 2;
          yield();
          return buffer[0] + buffer[sizeof(buffer) - 1];
        });
        EXPECT_EQ(deep.join().value(), 3);
      },
      options());
}

TEST_P(Fiber, AStackThatIsTooLargeIsRefusedAndTheFunctionIsNotCalled) {
  run(
      [&] {
        bool called = false;
        auto argument = std::make_shared<int>(1);
        EXPECT_THROW(go(
                         spawn_options{.stack_size = std::size_t{1} << 40},
                         [&called](std::shared_ptr<int>) { called = true; }, argument),
                     std::system_error);
        EXPECT_FALSE(called);
        EXPECT_EQ(argument.use_count(), 1);
      },
      options());
}

TEST_P(Fiber, YieldingFibersTakeTurns) {
  run(
      [&] {
        std::atomic<int> turns{0};
        fiber first([&] {
          while (turns.load() < 1000) {
            turns.fetch_add(1);
            yield();
          }
        });
        (void)first.join();
        EXPECT_GE(turns.load(), 1000);
      },
      options());
}

TEST(FiberDeath, AnEscapingExceptionEndsTheProgramWithItsPlace) {
  EXPECT_DEATH(run([] {
                 go([] { throw std::runtime_error("nobody catches this"); });
                 (void)sleep_for(1h);
               }),
               testing::matches("fiber spawned at .*fiber_test.cc:[0-9]+: nobody catches this"));
}

int overflow(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? frame[0] : overflow(depth - 1) + frame[0];
}

TEST(FiberDeath, AStackOverflowNamesTheFiberItsPlaceAndItsSize) {
  EXPECT_DEATH(run([] {
                 go([] { (void)overflow(1 << 20); });
                 (void)sleep_for(1h);
               }),
               testing::matches("stack overflow in fiber .*fiber_test.cc:[0-9]+.*KiB"));
}

TEST(FiberOutside, ThePlainThreadsFormsWork) {
  EXPECT_EQ(this_fiber::id(), 0u);
  EXPECT_FALSE(this_fiber::stop_requested());
  yield();
  EXPECT_TRUE(sleep_for(1ms).has_value());
}

}  // namespace
}  // namespace sluice
