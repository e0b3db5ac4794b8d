// static_locals_test.cc: function-local statics as programs write them, whose initialisers park;
// with the library as it is linked here, static or shared.
#include <gtest/gtest.h>
#include <sluice/fiber.h>
#include <sluice/run.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#if SLUICE_STATIC_GUARD

namespace sluice {
namespace {

using namespace std::chrono_literals;

int counted_before_main() {
  static const int value = 7;
  static const std::string text = std::to_string(value);
  return static_cast<int>(text.size());
}
const int before_main = counted_before_main();

TEST(StaticLocals, WorkBeforeMain) { EXPECT_EQ(before_main, 1); }

std::atomic<int> initialised{0};

const std::string& slow_static() {
  static const std::string value = [] {
    EXPECT_TRUE(sleep_for(2ms));
    for (int i = 0; i < 10; ++i) yield();
    initialised.fetch_add(1);
    return std::string("made once");
  }();
  return value;
}

TEST(StaticLocals, TwoFibersOfOneProcessorShareAnInitialiserThatParks) {
  run(
      [] {
        fiber first([] { return slow_static(); });
        fiber second([] { return slow_static(); });
        EXPECT_EQ(first.join().value(), "made once");
        EXPECT_EQ(second.join().value(), "made once");
      },
      {.processors = 1});
  EXPECT_EQ(initialised.load(), 1);
}

int attempts = 0;  // guarded by the static's guard

int stubborn_static() {
  static const int value = [] {
    const int attempt = ++attempts;
    yield();
    if (attempt < 3) throw std::runtime_error("not yet");
    return attempt;
  }();
  return value;
}

TEST(StaticLocals, AnExceptionHandsTheInitialiserToTheNextFiber) {
  std::atomic<int> thrown{0};
  run(
      [&] {
        std::vector<fiber<>> fibers;
        for (int i = 0; i < 5; ++i) {
          fibers.emplace_back([&] {
            try {
              EXPECT_EQ(stubborn_static(), 3);
            } catch (const std::runtime_error&) {
              thrown.fetch_add(1);
            }
          });
        }
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
      },
      {.processors = 1});
  EXPECT_EQ(thrown.load(), 2);
}

int depth = 0;

int recursive_static() {
  static const int value = ++depth < 5 ? recursive_static() : 0;
  return value;
}

TEST(StaticLocalsDeathTest, AStaticThatNeedsItselfIsReported) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(run([] { return recursive_static(); }, {.processors = 1}),
               "sluice: the initialiser of a function-local static needs that static");
}

}  // namespace
}  // namespace sluice

#endif
