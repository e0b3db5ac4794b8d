// backtrace_test.cc: what a parked fiber is in the middle of, from another stack.
#include "fiber/backtrace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fiber/unwind_test.h"

namespace sluice::rt {
namespace {

using frames = std::vector<const void*>;

frames look(const context& left, std::size_t most = 100) {
  frames found(most);
  found.resize(backtrace_of(left, found));
  return found;
}

// Parks within so many calls, after a walk from inside.
[[gnu::noinline]] void deep(int levels, hand_fiber& self, frames& inside) {
  // Keeps every level a frame of its own.
  const volatile int level = levels;
  if (level > 0) {
    deep(levels - 1, self, inside);
  } else {
    inside.resize(100);
    inside.resize(backtrace_here(inside));
    self.park();
  }
  ASSERT_EQ(level, levels);
}

class Backtrace : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Levels, Backtrace, ::testing::Values(0, 1, 7, 60));

TEST_P(Backtrace, IsTheFibersOwn) {
  stack_pool pool({.control_size = control_size});
  frames inside;
  hand_fiber fiber(pool, [&](hand_fiber& self) { deep(GetParam(), self, inside); });
  write_code_addresses_above(fiber.slot(), control_size);
  fiber.resume();

  const frames outside = look(fiber.left());
  EXPECT_EQ(outside.front(), fiber.left().resume_address);
  EXPECT_TRUE(is_in_entry(reinterpret_cast<std::uintptr_t>(outside.back())));
  // The innermost frames are in other functions, or at another place of them.
  const auto differ =
      std::mismatch(outside.rbegin(), outside.rend(), inside.rbegin(), inside.rend());
  const auto common = differ.first - outside.rbegin();
  EXPECT_GE(common, GetParam() + 2) << "the calls, and what is around the fiber's function";
  EXPECT_LE(outside.rend() - differ.first, 4) << "the last one, and park()";

  EXPECT_EQ(look(fiber.left()), outside) << "it disturbs nothing";
  const frames few = look(fiber.left(), 2);
  ASSERT_EQ(few.size(), 2U);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), outside.begin())) << "as many as there is room";
  fiber.resume();
  EXPECT_TRUE(fiber.done());
}

}  // namespace
}  // namespace sluice::rt
