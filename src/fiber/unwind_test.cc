// unwind_test.cc: what walks a fiber's stack stops at its outermost frame.
#include <execinfo.h>
#include <gtest/gtest.h>
#include <unwind.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fiber/hand_fiber.h"

namespace sluice::rt {
namespace {

std::uintptr_t entry_address() {
  alignas(16) std::array<std::byte, 256> memory;
  context fresh;
  make_context(fresh, memory.data() + memory.size(), [](void*, void*) {}, nullptr);
  return reinterpret_cast<std::uintptr_t>(fresh.resume_address);
}

bool is_in_entry(std::uintptr_t address) {
  return address > entry_address() && address < entry_address() + 64;
}

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

// Code addresses above the stack are what a walk that does not stop would take for callers.
void write_code_addresses_above(const stack_slot& slot, std::size_t size) {
  const std::uintptr_t code = reinterpret_cast<std::uintptr_t>(&is_in_entry) + 4;
  std::size_t at = sizeof(sanitizer_fiber);  // hand_fiber keeps its own there
  for (; at + sizeof(code) <= size; at += sizeof(code)) {
    std::memcpy(static_cast<std::byte*>(slot.control) + at, &code, sizeof(code));
  }
}

// A stack pool of its own for each test, so that nothing else lies above the stack.
constexpr std::size_t control_size = 512;

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
