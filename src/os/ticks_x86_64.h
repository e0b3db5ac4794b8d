// ticks_x86_64.h: the time stamp counter.
#pragma once

#include "os/ticks.h"

inline std::uint64_t sluice::os::ticks_now() noexcept { return __builtin_ia32_rdtsc(); }
