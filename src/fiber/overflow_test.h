// overflow_test.h: ways to fault on a fiber's stack, with everything installed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "fiber/hand_fiber.h"
#include "fiber/overflow.h"

namespace sluice::rt {

inline std::size_t describe(const stack_pool&, std::uint32_t, std::span<char> into) noexcept {
  constexpr std::string_view text = "fiber 7 (spawned at main.cc:12)";
  const std::size_t size = std::min(text.size(), into.size());
  std::memcpy(into.data(), text.data(), size);
  return size;
}

[[gnu::noinline]] inline int recurse(volatile int* depth) {
  volatile char kept[400];
  kept[0] = static_cast<char>(*depth);
  *depth = *depth + 1;
  if (*depth < 0) return 0;
  return recurse(depth) + kept[0];
}

// In a child: runs `body` on a fiber with everything installed.
template <class Body>
void on_a_small_fiber(Body body, bool protection_guards = false) {
  stack_pool pool({.control_size = 64, .force_protection_guards = protection_guards});
  install_overflow_handler(describe);
  const alternate_stack here;
  hand_fiber fiber(pool, [&](hand_fiber&) { body(); }, std::size_t{128} << 10);
  fiber.resume();
  uninstall_overflow_handler();
}

inline void touch(volatile char* address) { *address = 1; }

// An address that is never mapped, and of which the compiler knows nothing.
inline volatile char* nowhere() {
  static volatile std::uintptr_t address = 64;
  return reinterpret_cast<volatile char*>(address);
}

}  // namespace sluice::rt
