// signal_wait.h: the part of wait_signal that the systems differ in.
#pragma once

#include <cstdint>

#include "sluice/error.h"

namespace sluice {

// Waits until a signal of `mask` (bit n - 1 for signal n) can be taken; all of them are caught.
// Returns its number. The caller is a fiber.
[[nodiscard]] result<int> await_signal(std::uint64_t mask);

}  // namespace sluice
