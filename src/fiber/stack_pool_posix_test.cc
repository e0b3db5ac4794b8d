// stack_pool_posix_test.cc: where a stack is memory like any other: all of it can be written at
// once, and what was given back reads as zeros.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "fiber/stack_pool.h"

namespace sluice::rt {
namespace {

constexpr stack_pool_options options{.control_size = 200};

TEST(StackPool, AStackIsWritableFromBottomToTop) {
  stack_pool pool(options);
  const stack_slot slot = pool.take(default_stack_size).value();
  const auto size = static_cast<std::size_t>(static_cast<std::byte*>(slot.stack_top) -
                                             static_cast<std::byte*>(slot.stack_bottom));
  std::memset(slot.stack_bottom, 1, size);
  std::memset(slot.control, 2, options.control_size);
}

TEST(StackPool, TrimGivesTheOldestBackAndTheyReadAsZeros) {
  stack_pool pool(options);
  std::vector<stack_slot> slots;
  for (int count = 0; count < 200; ++count) {
    slots.push_back(pool.take(default_stack_size).value());
    std::memset(slots.back().control, 0xff, options.control_size);
  }
  for (const stack_slot& slot : slots) pool.give(slot.index);
  EXPECT_EQ(pool.trim(50), 150U);
  const auto first_byte = [&](std::size_t at) {
    return *static_cast<unsigned char*>(pool.block_at(slots[at].index));
  };
  EXPECT_EQ(first_byte(0), 0);
  EXPECT_EQ(first_byte(149), 0);
  EXPECT_EQ(first_byte(150), 0xff);
}

}  // namespace
}  // namespace sluice::rt
