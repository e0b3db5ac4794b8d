// static_guard_test.cc: the guard's functions, called as the compiler calls them, so that a test
// can have as many statics as it needs. Statics as programs write them:
// tests/static_locals_test.cc.
#include "sched/static_guard.h"

#include <cxxabi.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

#if SLUICE_STATIC_GUARD

namespace sluice {
namespace {

using testing::with_processors;
class StaticGuard : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(StaticGuard);

// What the compiler makes of `static T value = initialise();`.
class static_local {
 public:
  template <class F>
  void use(F initialise) {
    // acquire: pairs with the guard's release.
    if (__atomic_load_n(reinterpret_cast<char*>(&guard_), __ATOMIC_ACQUIRE) != 0) return;
    if (abi::__cxa_guard_acquire(&guard_) == 0) return;
    try {
      initialise();
    } catch (...) {
      abi::__cxa_guard_abort(&guard_);
      throw;
    }
    abi::__cxa_guard_release(&guard_);
  }

 private:
  alignas(8) abi::__guard guard_{};
};

TEST_P(StaticGuard, FibersWaitForAnInitialiserThatParks) {
  const std::int64_t rounds = scaled(200);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          static_local shared;
          int value = 0;
          auto use = [&] {
            shared.use([&] {
              for (int i = 0; i < 5; ++i) yield();
              value += 1;
            });
            EXPECT_EQ(value, 1);
          };
          fiber first(use);
          fiber second(use);
          use();
          EXPECT_TRUE(first.join());
          EXPECT_TRUE(second.join());
        }
      },
      options());
}

TEST_P(StaticGuard, AnExceptionHandsTheInitialiserToTheNext) {
  constexpr int users = 6;
  run(
      [] {
        static_local shared;
        int attempts = 0;  // guarded by the static's guard
        std::atomic<int> thrown{0};
        auto use = [&] {
          try {
            shared.use([&] {
              const int attempt = ++attempts;
              for (int i = 0; i < 5; ++i) yield();
              if (attempt < 4) throw std::runtime_error("not yet");
            });
          } catch (const std::runtime_error&) {
            thrown.fetch_add(1);
          }
        };
        std::vector<fiber<>> fibers;
        for (int i = 0; i < users; ++i) fibers.emplace_back(use);
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
        EXPECT_EQ(attempts, 4);
        EXPECT_EQ(thrown.load(), 3);
      },
      options());
}

TEST_P(StaticGuard, FibersAndThreadsWaitForEachOther) {
  const std::int64_t rounds = scaled(300);
  constexpr int threads = 2;
  std::vector<static_local> statics(static_cast<std::size_t>(rounds));
  std::vector<int> values(statics.size());
  std::atomic<int> threads_left{threads};
  auto use_all = [&](bool backwards) {
    for (std::size_t i = 0; i < statics.size(); ++i) {
      const std::size_t which = backwards ? statics.size() - 1 - i : i;
      statics[which].use([&] {
        yield();
        values[which] += 1;
        yield();
      });
      EXPECT_EQ(values[which], 1);
    }
  };
  std::vector<std::jthread> others;
  for (int i = 0; i < threads; ++i) {
    others.emplace_back([&, i] {
      use_all(i % 2 == 0);
      threads_left.fetch_sub(1);
    });
  }
  run(
      [&] {
        std::vector<fiber<>> fibers;
        for (int i = 0; i < 4; ++i) fibers.emplace_back(use_all, i % 2 == 0);
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
        while (threads_left.load() != 0) yield();
      },
      options());
}

TEST_P(StaticGuard, WhileOneWaitsTheOthersOfItsProcessorRun) {
  run(
      [] {
        static_local shared;
        std::atomic<bool> begun{false};
        bool waited = false;
        int steps = 0;
        std::jthread owner([&] {
          shared.use([&] {
            begun.store(true);
            while (begun.load()) std::this_thread::yield();
          });
        });
        while (!begun.load()) yield();
        fiber waiter([&] {
          shared.use([] { ADD_FAILURE() << "initialised twice"; });
          waited = true;
        });
        for (; steps < 1000; ++steps) yield();
        EXPECT_FALSE(std::exchange(waited, false));
        begun.store(false);
        EXPECT_TRUE(waiter.join());
        EXPECT_TRUE(waited);
      },
      options());
}

TEST_P(StaticGuard, AStaticMayNeedAnotherOne) {
  run(
      [] {
        static_local outer;
        static_local inner;
        int order = 0;
        outer.use([&] {
          inner.use([&] {
            yield();
            EXPECT_EQ(++order, 1);
          });
          EXPECT_EQ(++order, 2);
        });
        EXPECT_EQ(order, 2);
      },
      options());
}

class StaticGuardDeathTest : public ::testing::Test {
 protected:
  StaticGuardDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
  static void recurse() {
    static_local self;
    self.use([&] {
      yield();
      self.use([] {});
    });
  }
};

constexpr const char* recursion =
    "sluice: the initialiser of a function-local static needs that static: it would wait for "
    "itself";

TEST_F(StaticGuardDeathTest, TrueRecursionInAFiberIsReported) {
  EXPECT_DEATH(run(recurse, {.processors = 2}), recursion);
}

TEST_F(StaticGuardDeathTest, TrueRecursionOnAThreadIsReported) {
  EXPECT_DEATH(recurse(), recursion);
}

}  // namespace
}  // namespace sluice

#endif
