// overflow_test.cc: an overflow is named.
#include "fiber/overflow.h"

#include <gtest/gtest.h>

#include "fiber/overflow_test.h"
#include "testing/system_manners.h"

namespace sluice::rt {
namespace {

using ::sluice::testing::has_aborted;

[[gnu::noinline]] int large_frame(volatile int* depth) {
  volatile char kept[std::size_t{1} << 20];
  kept[0] = static_cast<char>(*depth);
  kept[sizeof(kept) - 1] = 1;
  return kept[0] + kept[*depth];
}

constexpr char sentence[] =
    "^sluice: stack overflow in fiber 7 \\(spawned at main.cc:12\\), stack size 128 KiB; give it "
    "more with spawn_options.stack_size\n";

TEST(OverflowDeathTest, AnOverflowNamesTheFiberAndItsStackSize) {
  volatile int depth = 0;
  EXPECT_EXIT(on_a_small_fiber([&] { recurse(&depth); }), has_aborted, sentence);
}

TEST(OverflowDeathTest, SoItDoesWithProtectedGuards) {
  volatile int depth = 0;
  EXPECT_EXIT(on_a_small_fiber([&] { recurse(&depth); }, true), has_aborted, sentence);
}

TEST(OverflowDeathTest, AFrameLargerThanTheGuardDoesNotJumpOverIt) {
  volatile int depth = 0;
  EXPECT_EXIT(on_a_small_fiber([&] { large_frame(&depth); }), has_aborted, sentence);
}

}  // namespace
}  // namespace sluice::rt
