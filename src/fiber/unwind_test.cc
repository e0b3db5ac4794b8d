// unwind_test.cc: what walks a fiber's stack stops at its outermost frame.
#include <gtest/gtest.h>
#include <unwind.h>

#include <cstdint>
#include <vector>

#include "fiber/unwind_test.h"

namespace sluice::rt {
namespace {

struct walk {
  std::vector<std::uintptr_t> addresses;
  _Unwind_Reason_Code end = _URC_NO_REASON;
};

_Unwind_Reason_Code note(struct _Unwind_Context* frame, void* into) {
  auto& addresses = static_cast<walk*>(into)->addresses;
  if (addresses.size() == 100) return _URC_NORMAL_STOP;
  addresses.push_back(_Unwind_GetIP(frame));
  return _URC_NO_REASON;
}

TEST(Unwind, TheUnwinderStopsAtTheEntry) {
  stack_pool pool({.control_size = control_size});
  walk seen;
  hand_fiber fiber(pool, [&](hand_fiber& self) {
    self.park();
    seen.end = _Unwind_Backtrace(note, &seen);
  });
  write_code_addresses_above(fiber.slot(), control_size);
  fiber.resume();
  fiber.resume();
  EXPECT_EQ(seen.end, _URC_END_OF_STACK);
  ASSERT_GE(seen.addresses.size(), 3U);
  ASSERT_LT(seen.addresses.size(), 50U);
  // Some unwinders count the frame that has no caller once more, with address 0.
  while (seen.addresses.back() == 0) seen.addresses.pop_back();
  EXPECT_TRUE(is_in_entry(seen.addresses.back()));
}

}  // namespace
}  // namespace sluice::rt
