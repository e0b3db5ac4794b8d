// stack_pool_test.cc: taking, giving, trimming, looking up; the guards of both kinds.
#include "fiber/stack_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "os/memory.h"

namespace sluice::rt {
namespace {

constexpr stack_pool_options options{.control_size = 200};

stack_slot taken(stack_pool& pool, std::size_t size = default_stack_size) {
  auto slot = pool.take(size);
  EXPECT_TRUE(slot) << slot.error().message();
  return slot.value_or(stack_slot{});
}

TEST(StackPool, AStackIsAlignedAndAsLargeAsAskedForButForItsGuard) {
  stack_pool pool(options);
  const stack_slot slot = taken(pool);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot.control) % 64, 0U);
  EXPECT_EQ(slot.stack_top, slot.control);
  const auto size = static_cast<std::size_t>(static_cast<std::byte*>(slot.stack_top) -
                                             static_cast<std::byte*>(slot.stack_bottom));
  EXPECT_EQ(size, default_stack_size - guard_size - 256);  // 200 rounded up to 64
  std::memset(slot.control, 2, options.control_size);
  EXPECT_EQ(pool.stack_size_of(slot.index), default_stack_size);
}

TEST(StackPool, TheStackGivenLastIsTakenFirst) {
  stack_pool pool(options);
  const stack_slot first = taken(pool);
  const stack_slot second = taken(pool);
  pool.give(first.index);
  pool.give(second.index);
  EXPECT_EQ(taken(pool).index, second.index);
  EXPECT_EQ(taken(pool).index, first.index);
}

TEST(StackPool, SizesAreRoundedUpToAPowerOfTwoAndHaveTheirOwnSlabs) {
  stack_pool pool(options);
  for (const auto& [asked, got] : {std::pair{1, 128},
                                   {128, 128},
                                   {129, 256},
                                   {256, 256},
                                   {1000, 1024},
                                   {1024 * 1024, 1024 * 1024}}) {
    const auto slot = pool.take(static_cast<std::size_t>(asked) << 10);
    ASSERT_TRUE(slot) << slot.error().message();
    EXPECT_EQ(pool.stack_size_of(slot->index), static_cast<std::size_t>(got) << 10);
  }
}

TEST(StackPool, AStackOfMoreThanOneGibibyteIsRefusedWithTheLimit) {
  stack_pool pool(options);
  const auto slot = pool.take((std::size_t{1} << 30) + 1);
  ASSERT_FALSE(slot);
  EXPECT_EQ(slot.error(), errc::no_stack);
  EXPECT_NE(slot.error().message().find("1 GiB"), std::string::npos) << slot.error().message();
}

TEST(StackPool, AnIndexLeadsToItsBlockAndNoIndexIsSmall) {
  stack_pool pool(options);
  std::set<std::uint32_t> indexes;
  for (int count = 0; count < 1000; ++count) {  // several slabs
    const stack_slot slot = taken(pool);
    EXPECT_GE(slot.index, std::uint32_t{1} << 20);
    EXPECT_EQ(pool.block_at(slot.index), slot.control);
    EXPECT_EQ(pool.slot_at(slot.index).stack_bottom, slot.stack_bottom);
    std::memcpy(slot.control, &slot.index, sizeof(slot.index));
    indexes.insert(slot.index);
  }
  EXPECT_EQ(indexes.size(), 1000U);
  for (const std::uint32_t index : indexes) {
    std::uint32_t written = 0;
    std::memcpy(&written, pool.block_at(index), sizeof(written));
    EXPECT_EQ(written, index);
  }
}

TEST(StackPool, AWalkVisitsEverySlotThatWasEverHandedOut) {
  stack_pool pool(options);
  std::set<std::uint32_t> handed;
  for (int count = 0; count < 100; ++count) handed.insert(taken(pool).index);
  handed.insert(taken(pool, 1 << 20).index);
  pool.give(*handed.begin());
  std::set<std::uint32_t> visited;
  pool.for_each([&](std::uint32_t index, void* control) {
    EXPECT_EQ(control, pool.block_at(index));
    EXPECT_TRUE(visited.insert(index).second);
  });
  EXPECT_EQ(visited, handed);
}

TEST(StackPool, AnAddressIsFoundInItsStackOrInItsGuard) {
  stack_pool pool(options);
  const stack_slot slot = taken(pool);
  const auto inside = stack_pool::find(slot.control);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->index, slot.index);
  EXPECT_EQ(inside->pool, &pool);
  EXPECT_FALSE(inside->in_guard);
  const auto below = stack_pool::find(static_cast<std::byte*>(slot.stack_bottom) - 1);
  ASSERT_TRUE(below);
  EXPECT_EQ(below->index, slot.index);
  EXPECT_TRUE(below->in_guard);
  int local = 0;
  EXPECT_FALSE(stack_pool::find(&local));
}

TEST(StackPool, NothingIsFoundOnceThePoolIsGone) {
  const void* address = nullptr;
  {
    stack_pool pool(options);
    address = taken(pool).control;
    EXPECT_TRUE(stack_pool::find(address));
  }
  EXPECT_FALSE(stack_pool::find(address));
}

TEST(StackPool, SeveralAreTakenAndGivenAtOnce) {
  stack_pool pool(options);
  std::array<std::uint32_t, 32> cache{};
  ASSERT_EQ(pool.take_some(cache), cache.size());
  EXPECT_EQ(std::set<std::uint32_t>(cache.begin(), cache.end()).size(), cache.size());
  pool.give_some(cache);
  EXPECT_EQ(pool.warm_count(), cache.size());
  std::array<std::uint32_t, 40> more{};
  EXPECT_EQ(pool.take_some(more), cache.size());  // the warm ones, before any new one
  EXPECT_EQ(more[0], cache[31]);
  EXPECT_EQ(pool.warm_count(), 0U);
}

TEST(StackPool, StacksOfSeveralSizesAreGivenAtOnce) {
  stack_pool pool(options);
  const std::uint32_t mixed[] = {taken(pool).index, taken(pool).index, taken(pool, 1 << 20).index,
                                 taken(pool).index};
  pool.give_some(mixed);
  EXPECT_EQ(pool.warm_count(), 4U);
  EXPECT_EQ(taken(pool, 1 << 20).index, mixed[2]);
  EXPECT_EQ(taken(pool).index, mixed[3]);
  EXPECT_EQ(taken(pool).index, mixed[1]);
}

TEST(StackPool, TrimGivesTheOldestBackAndTheyAreTakenLast) {
  stack_pool pool(options);
  std::vector<stack_slot> slots;
  for (int count = 0; count < 200; ++count) {
    slots.push_back(taken(pool));
    std::memset(slots.back().control, 0xff, options.control_size);
    pool.epoch_of(slots.back().index) = 7;
  }
  for (const stack_slot& slot : slots) pool.give(slot.index);
  EXPECT_EQ(pool.trim(50), 150U);
  EXPECT_EQ(pool.warm_count(), 50U);
  EXPECT_EQ(pool.epoch_of(slots[0].index), 7U);
  EXPECT_EQ(pool.trim(50), 0U);
  // Warm ones first, then cold ones, and no new one before both are used up.
  for (int count = 0; count < 200; ++count) taken(pool);
  std::size_t handed = 0;
  pool.for_each([&](std::uint32_t, void*) { ++handed; });
  EXPECT_EQ(handed, 200U);
}

TEST(StackPool, OnlyWhatStayedFreeSinceTheLastLookIsTrimmed) {
  stack_pool pool(options);
  std::vector<std::uint32_t> burst;
  for (int count = 0; count < 100; ++count) burst.push_back(taken(pool).index);
  EXPECT_EQ(pool.trim_unused(), 0U);
  for (const std::uint32_t index : burst) pool.give(index);
  EXPECT_EQ(pool.trim_unused(), 0U);  // none of them was free at the last look
  const std::uint32_t steady[] = {taken(pool).index, taken(pool).index, taken(pool).index};
  for (const std::uint32_t index : steady) pool.give(index);
  EXPECT_EQ(pool.trim_unused(), 97U);
  EXPECT_EQ(pool.warm_count(), 3U);
}

}  // namespace
}  // namespace sluice::rt
