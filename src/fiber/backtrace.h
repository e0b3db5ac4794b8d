// backtrace.h: the calls that a context is in which was left by a switch. Walked on the caller's
// own stack, by the unwinder that serves exceptions; nothing is written to the context's.
#pragma once

#include <cstddef>
#include <span>

#include "fiber/context.h"

namespace sluice::rt {

// Stores return addresses, the innermost first. Nobody runs `left` meanwhile.
//
//   Returns  how many were stored; at least one.
[[nodiscard]] std::size_t backtrace_of(const context& left, std::span<const void*> into) noexcept;

// The same of whoever calls, up to the end of its stack, or of its fiber's.
[[nodiscard]] std::size_t backtrace_here(std::span<const void*> into) noexcept;

}  // namespace sluice::rt
