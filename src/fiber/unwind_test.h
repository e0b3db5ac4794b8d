// unwind_test.h: a stack that a walk does not leave by itself, and how to know its outermost frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fiber/hand_fiber.h"

namespace sluice::rt {

inline std::uintptr_t entry_address() {
  alignas(16) std::array<std::byte, 256> memory;
  context fresh;
  make_context(fresh, memory.data() + memory.size(), [](void*, void*) {}, nullptr);
  return reinterpret_cast<std::uintptr_t>(fresh.resume_address);
}

inline bool is_in_entry(std::uintptr_t address) {
  return address > entry_address() && address < entry_address() + 64;
}

// Code addresses above the stack are what a walk that does not stop would take for callers.
inline void write_code_addresses_above(const stack_slot& slot, std::size_t size) {
  const std::uintptr_t code = reinterpret_cast<std::uintptr_t>(&is_in_entry) + 4;
  std::size_t at = sizeof(sanitizer_fiber);  // hand_fiber keeps its own there
  for (; at + sizeof(code) <= size; at += sizeof(code)) {
    std::memcpy(static_cast<std::byte*>(slot.control) + at, &code, sizeof(code));
  }
}

// A stack pool of its own for each test, so that nothing else lies above the stack.
inline constexpr std::size_t control_size = 512;

}  // namespace sluice::rt
