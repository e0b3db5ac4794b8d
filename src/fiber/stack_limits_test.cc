// stack_limits_test.cc: stacks that come back, and many threads at once.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "fiber/stack_pool.h"
#include "os/memory.h"
#include "testing/scale.h"

namespace sluice::rt {
namespace {

constexpr stack_pool_options options{.control_size = 200};

// What a fiber that has run a little leaves behind: a page of stack and the control block's.
void use(const stack_slot& slot) {
  static_cast<volatile char*>(slot.control)[0] = 1;
  static_cast<volatile char*>(slot.stack_top)[-5000] = 1;
}

TEST(StackLimits, ATrimmedStackIsGuardedAndUsableAgain) {
  stack_pool pool(options);
  const stack_slot first = pool.take(default_stack_size).value();
  use(first);
  pool.give(first.index);
  ASSERT_EQ(pool.trim(0), 1U);
  const stack_slot again = pool.take(default_stack_size).value();
  ASSERT_EQ(again.index, first.index);
  use(again);
  EXPECT_FALSE(os::is_writable(static_cast<std::byte*>(again.stack_bottom) - os::page_size()));
}

TEST(StackLimitsDeathTest, AStackGivenTwiceIsABug) {
  EXPECT_DEATH(
      {
        stack_pool pool(options);
        const std::uint32_t index = pool.take(default_stack_size).value().index;
        pool.give(index);
        pool.give(index);
      },
      "given back twice");
}

// Each taker writes its name into the control block, and finds it there when it gives the stack
// back; trims and walks go on meanwhile.
class crowd {
 public:
  explicit crowd(std::uint32_t rounds) : rounds_(rounds) {}

  void take_and_give(std::uint32_t name) {
    std::array<std::uint32_t, 8> held{};
    for (std::uint32_t round = 0; round < rounds_; ++round) {
      const std::size_t count = round % 2 == 0 ? pool_.take_some(held) : take_singly(held);
      for (std::size_t at = 0; at < count; ++at) owner_of(held[at]).store(name);
      for (std::size_t at = 0; at < count; ++at) {
        if (owner_of(held[at]).exchange(0) != name) mistakes_.fetch_add(1);
      }
      pool_.give_some(std::span(held).first(count));
      taken_.fetch_add(count);
    }
  }
  void trim_and_walk() {
    for (std::uint32_t round = 0; round < rounds_; ++round) {
      pool_.trim(round % 8);
      pool_.for_each([&](std::uint32_t index, void*) {
        if (owner_of(index).load() > 4) mistakes_.fetch_add(1);
      });
    }
  }

  std::atomic<std::size_t> taken_{0};
  std::atomic<std::size_t> mistakes_{0};

 private:
  std::size_t take_singly(std::array<std::uint32_t, 8>& held) {
    for (std::uint32_t& index : held) index = pool_.take(default_stack_size).value().index;
    return held.size();
  }
  std::atomic_ref<std::uint32_t> owner_of(std::uint32_t index) {
    return std::atomic_ref(*static_cast<std::uint32_t*>(pool_.block_at(index)));
  }

  const std::uint32_t rounds_;
  stack_pool pool_{options};
};

TEST(StackLimits, ManyThreadsTakeGiveTrimAndWalkAtOnce) {
  const auto rounds = static_cast<std::uint32_t>(scaled(2000));
  crowd all(rounds);
  std::vector<std::thread> threads;
  for (std::uint32_t name = 1; name <= 4; ++name) {
    threads.emplace_back([&all, name] { all.take_and_give(name); });
  }
  threads.emplace_back([&all] { all.trim_and_walk(); });
  for (std::thread& each : threads) each.join();
  EXPECT_GE(all.taken_.load(), rounds * 4U);
  EXPECT_EQ(all.mistakes_.load(), 0U);
}

}  // namespace
}  // namespace sluice::rt
