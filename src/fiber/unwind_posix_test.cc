// unwind_posix_test.cc: the C library's own walk stops at a fiber's outermost frame too.
#include <execinfo.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "fiber/unwind_test.h"

namespace sluice::rt {
namespace {

TEST(Unwind, BacktraceStopsAtTheEntry) {
  stack_pool pool({.control_size = control_size});
  std::array<void*, 100> frames{};
  int count = 0;
  hand_fiber fiber(pool, [&](hand_fiber&) {
    count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  });
  write_code_addresses_above(fiber.slot(), control_size);
  fiber.resume();
  ASSERT_GE(count, 3);
  ASSERT_LT(count, 50);
  while (count > 1 && frames[static_cast<std::size_t>(count) - 1] == nullptr) --count;
  EXPECT_TRUE(
      is_in_entry(reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(count) - 1])));
}

}  // namespace
}  // namespace sluice::rt
