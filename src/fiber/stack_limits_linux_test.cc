// stack_limits_linux_test.cc: what is said when the system's limits are reached.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "fiber/sanitizer.h"
#include "fiber/slab.h"
#include "fiber/stack_pool.h"
#include "os/memory.h"

namespace sluice::rt {
namespace {

constexpr stack_pool_options options{.control_size = 200};

std::size_t address_space_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  file >> total;
  return total * os::page_size();
}

std::size_t mapping_limit() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  std::size_t limit = 0;
  file >> limit;
  return limit;
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

}  // namespace
}  // namespace sluice::rt
