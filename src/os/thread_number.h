// thread_number.h: which thread this is, as the system counts them, and how many there are.
#pragma once

#include <cstdint>

namespace sluice::os {

// Returns  a number that no other living thread of the process has; never 0.
[[nodiscard]] std::uint32_t thread_number() noexcept;

// Returns  how many threads the process has; 0 where the system does not tell.
[[nodiscard]] std::uint32_t thread_count() noexcept;

}  // namespace sluice::os
