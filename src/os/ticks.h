// ticks.h: the CPU's own count of time, for what is noted so often that a look at the system's
// clock (25 ns) would be felt. It counts evenly, the same on all CPUs where the system itself uses
// it as a clock; what a tick is, whoever counts finds out by looking at the clock twice.
#pragma once

#include <cstdint>

namespace sluice::os {

// Never blocks, costs a few nanoseconds. Safe in a signal handler.
[[nodiscard]] std::uint64_t ticks_now() noexcept;

}  // namespace sluice::os

#if defined(__x86_64__)
#include "os/ticks_x86_64.h"  // IWYU pragma: export
#elif defined(__aarch64__)
#include "os/ticks_aarch64.h"  // IWYU pragma: export
#else
#error "sluice knows no counter of this CPU"
#endif
