// stack_limits_test.cc: memory given back after a burst, mappings, the system's limits, and many
// threads at once.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "fiber/sanitizer.h"
#include "fiber/slab.h"
#include "fiber/stack_pool.h"
#include "os/memory.h"

namespace sluice::rt {
namespace {

constexpr stack_pool_options options{.control_size = 200};

std::size_t scaled(double count) {
  const char* const scale = std::getenv("SLUICE_TEST_SCALE");
  return std::max<std::size_t>(1,
                               static_cast<std::size_t>(scale ? count * std::atof(scale) : count));
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * os::page_size();
}

std::size_t address_space_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  file >> total;
  return total * os::page_size();
}

std::size_t mapping_count() {
  std::ifstream file("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

std::size_t mapping_limit() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  std::size_t limit = 0;
  file >> limit;
  return limit;
}

// What a fiber that has run a little leaves behind: a page of stack and the control block's.
void use(const stack_slot& slot) {
  static_cast<volatile char*>(slot.control)[0] = 1;
  static_cast<volatile char*>(slot.stack_top)[-5000] = 1;
}

TEST(StackLimits, ABurstOfStacksGivesItsMemoryBack) {
  if (sanitizers_active()) GTEST_SKIP() << "a sanitizer's own memory grows with what it watches";
  const std::size_t count = scaled(100'000);
  std::printf("stacks: %zu\n", count);
  stack_pool pool(options);
  std::vector<std::uint32_t> indexes(count);
  const std::size_t mappings_before = mapping_count();
  const std::size_t before = resident_bytes();
  for (std::uint32_t& index : indexes) {
    const auto slot = pool.take(default_stack_size);
    ASSERT_TRUE(slot) << slot.error().message();
    index = slot->index;
    use(*slot);
  }
  const std::size_t peak = resident_bytes() - before;
  EXPECT_GE(peak, count * 2 * os::page_size());
  if (probe_guards() == guard_kind::lightweight) {
    EXPECT_LE(mapping_count(), mappings_before + 30);
  }
  pool.give_some(indexes);
  EXPECT_EQ(pool.trim(0), count);
  const std::size_t after = resident_bytes();
  EXPECT_LE(after, before + peak / 20);
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

TEST(StackLimits, BothKindsOfGuardHoldFromEndToEnd) {
  for (const bool force : {false, true}) {
    stack_pool pool({.control_size = 64, .force_protection_guards = force});
    const stack_slot slot = pool.take(default_stack_size).value();
    auto* const bottom = static_cast<std::byte*>(slot.stack_bottom);
    for (std::size_t below = os::page_size(); below <= guard_size; below += os::page_size()) {
      ASSERT_FALSE(os::is_writable(bottom - below)) << below;
    }
    EXPECT_TRUE(os::is_writable(bottom));
  }
}

// In a child, since it takes all mappings that the process may have.
[[noreturn]] void exhaust_mappings() {
  stack_pool patient({.control_size = 64, .force_protection_guards = true});
  const std::uint32_t early = patient.take(default_stack_size).value().index;
  {
    stack_pool greedy({.control_size = 64, .force_protection_guards = true});
    std::size_t count = 0;
    auto slot = greedy.take(default_stack_size);
    for (; slot && count < 200'000; slot = greedy.take(default_stack_size)) ++count;
    if (slot || slot.error() != errc::no_stack) ::_exit(2);
    const auto refused = patient.take(default_stack_size);
    if (refused) ::_exit(3);
    std::fprintf(stderr, "%s\n", refused.error().message().c_str());
    patient.give(early);  // what is guarded already is still to be had
    if (patient.take(default_stack_size).value().index != early) ::_exit(4);
  }
  // The greedy pool has gone: the slot that could not be guarded can be now.
  const stack_slot late = patient.take(default_stack_size).value();
  if (os::is_writable(static_cast<std::byte*>(late.stack_bottom) - os::page_size())) ::_exit(5);
  ::_exit(0);
}

TEST(StackLimitsDeathTest, TheLimitOfMappingsIsAnErrorThatNamesItAndPasses) {
  if (sanitizers_active()) GTEST_SKIP() << "a sanitizer needs mappings of its own";
  if (mapping_limit() > 200'000) GTEST_SKIP() << "the limit is too far away";
  EXPECT_EXIT(exhaust_mappings(), ::testing::ExitedWithCode(0),
              "guard a fiber stack .*vm.max_map_count.*: no memory for another fiber stack");
}

[[noreturn]] void exhaust_address_space() {
  stack_pool pool(options);
  const rlimit limit{address_space_bytes() + (std::size_t{5} << 20), RLIM_INFINITY};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(2);
  std::size_t count = 0;
  auto slot = pool.take(default_stack_size);
  for (; slot && count < 1000; slot = pool.take(default_stack_size)) ++count;
  if (slot) ::_exit(3);
  std::fprintf(stderr, "%zu stacks, then %s\n", count, slot.error().message().c_str());
  ::_exit(count >= 10 && count <= 20 ? 0 : 4);
}

TEST(StackLimitsDeathTest, SmallerSlabsAreTriedUntilTheAddressSpaceIsUsedUp) {
  if (sanitizers_active()) GTEST_SKIP() << "a sanitizer's shadow does not fit in the limit";
  EXPECT_EXIT(exhaust_address_space(), ::testing::ExitedWithCode(0),
              "stacks, then reserve address space for fiber stacks");
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
  std::printf("rounds: %u\n", rounds);
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
