// thread_number.h: which thread this is, as the system counts them.
#pragma once

#include <cstdint>

namespace sluice::os {

// Returns  a number that no other living thread of the process has; never 0.
[[nodiscard]] std::uint32_t thread_number() noexcept;

}  // namespace sluice::os
