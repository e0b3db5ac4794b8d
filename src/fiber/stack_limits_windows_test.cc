// stack_limits_windows_test.cc: memory given back after a burst, and where a stack is open.
#include <gtest/gtest.h>

#include <vector>

#include "fiber/slab.h"
#include "fiber/stack_pool.h"
#include "os/memory.h"
#include "testing/process.h"
#include "testing/scale.h"

namespace sluice::rt {
namespace {

using ::sluice::testing::process_counts;
using ::sluice::testing::process_state;

constexpr stack_pool_options options{.control_size = 200};

// What a fiber that has run a little leaves behind: a page of stack and the control block's.
void use(const stack_slot& slot) {
  static_cast<volatile char*>(slot.control)[0] = 1;
  static_cast<volatile char*>(slot.stack_top)[-5000] = 1;
}

TEST(StackLimits, ABurstOfStacksGivesItsMemoryBack) {
  const auto count = static_cast<std::size_t>(scaled(100'000));
  stack_pool pool(options);
  std::vector<std::uint32_t> indexes(count);
  const process_counts before = process_state();
  for (std::uint32_t& index : indexes) {
    const auto slot = pool.take(default_stack_size);
    ASSERT_TRUE(slot) << slot.error().message();
    index = slot->index;
    use(*slot);
  }
  const process_counts during = process_state();
  const std::size_t peak = during.resident_bytes - before.resident_bytes;
  EXPECT_GE(peak, count * 2 * os::page_size());
  EXPECT_LE(during.mappings, before.mappings + 30);
  pool.give_some(indexes);
  EXPECT_EQ(pool.trim(0), count);
  EXPECT_LE(process_state().resident_bytes, before.resident_bytes + peak / 10);
}

TEST(StackLimits, AStackIsOpenAtItsTopAndNowhereBelowItsBottom) {
  stack_pool pool(options);
  const stack_slot slot = pool.take(default_stack_size).value();
  auto* const top = static_cast<std::byte*>(slot.stack_top);
  EXPECT_TRUE(os::is_writable(top - 1));
  EXPECT_TRUE(os::is_writable(top - 4 * os::page_size()));
  auto* const bottom = static_cast<std::byte*>(slot.stack_bottom);
  EXPECT_FALSE(os::is_writable(bottom)) << "it grows when it is needed";
  for (std::size_t below = os::page_size(); below <= guard_size; below += os::page_size()) {
    ASSERT_FALSE(os::is_writable(bottom - below)) << below;
  }
}

}  // namespace
}  // namespace sluice::rt
