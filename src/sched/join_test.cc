// join_test.cc: what a handle and its fiber share, whoever of the two comes last.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

class Join : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Join);

// Counts how many of its kind live.
class counted {
 public:
  explicit counted(std::atomic<int>& alive) : alive_(&alive) { alive_->fetch_add(1); }
  counted(const counted& other) : counted(*other.alive_) {}
  counted& operator=(const counted&) = delete;
  ~counted() { alive_->fetch_sub(1); }

 private:
  std::atomic<int>* alive_;
};

TEST_P(Join, TheCallableIsGoneWhenTheJoinReturns) {
  const std::int64_t times = scaled(1000);
  std::atomic<int> alive{0};
  run(
      [&] {
        for (std::int64_t i = 0; i < times; ++i) {
          fiber child([mine = counted(alive)](const counted&) { yield(); }, counted(alive));
          ASSERT_TRUE(child.join());
          ASSERT_EQ(alive.load(), 0);
        }
      },
      options());
}

// Some fibers have ended when their handle goes, others have not: each value is freed once.
TEST_P(Join, AValueThatNobodyAsksForIsFreed) {
  const std::int64_t times = scaled(1000);
  std::atomic<int> alive{0};
  run(
      [&] {
        for (std::int64_t i = 0; i < times; ++i) {
          fiber child([&alive] { return counted(alive); });
          if (i % 2 == 0) yield();
          child.detach();
        }
      },
      options());
  EXPECT_EQ(alive.load(), 0);
}

TEST_P(Join, AHandleThatOutlivesTheRuntimeStillHasTheResult) {
  fiber<int> late;
  run([&] { late = fiber([] { return 42; }); }, options());
  EXPECT_EQ(late.join().value(), 42);
}

TEST_P(Join, StoppingWhileTheFiberEndsHarmsNeither) {
  const std::int64_t times = scaled(2000);
  run(
      [&] {
        for (std::int64_t i = 0; i < times; ++i) {
          std::atomic<bool> started{false};
          fiber child([&] {
            started.store(true);
            (void)sleep_for(i % 3 == 0 ? 1us : 1h);
          });
          while (!started.load()) yield();
          fiber stopper([&] { child.request_stop(); });
          ASSERT_TRUE(stopper.join());
          ASSERT_TRUE(child.join());
        }
      },
      options());
}

// A join that is cut short again and again meets the fiber's end at any moment.
TEST_P(Join, AJoinThatIsCutShortCanBeTakenUpAgain) {
  const std::int64_t times = scaled(1000);
  run(
      [&] {
        for (std::int64_t i = 0; i < times; ++i) {
          std::optional<fiber<int>> child(std::in_place, [] {
            yield();
            return 7;
          });
          fiber joiner([&] { return child->join().has_value(); });
          joiner.request_stop();
          const bool joined = joiner.join().value();
          if (joined) continue;
          if (i % 2 == 0) {
            ASSERT_EQ(child->join().value(), 7);
          } else {
            child->detach();
          }
        }
      },
      options());
}

TEST(JoinDeath, AFiberThatDestroysItsOwnHandleEndsTheProgram) {
  EXPECT_DEATH(run(
                   [] {
                     std::optional<fiber<>> own;
                     own.emplace([&] { own.reset(); });
                     (void)sleep_for(1h);
                   },
                   {.processors = 1}),
               "sluice: a fiber destroys its own handle, which would wait for itself");
}

}  // namespace
}  // namespace sluice
