// overflow_report.h: what a handler of faults finds out and says about a stack overflow, on every
// system. Async-signal-safe.
#pragma once

#include <optional>

#include "fiber/overflow.h"

namespace sluice::rt {

// Returns  the stack whose guard was touched by the code that runs on that very stack. A wild
//          pointer that hits some fiber's guard is no overflow.
[[nodiscard]] std::optional<stack_pool::place> overflow_of(const void* touched,
                                                           const void* stack_pointer) noexcept;

// Prints the sentence and aborts.
[[noreturn]] void report_overflow(const stack_pool::place& where) noexcept;

// nullptr: by its index.
void describe_overflows_with(describe_fiber describe) noexcept;

}  // namespace sluice::rt
