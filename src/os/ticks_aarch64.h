// ticks_aarch64.h: the virtual count of the generic timer.
#pragma once

#include "os/ticks.h"

inline std::uint64_t sluice::os::ticks_now() noexcept {
  std::uint64_t count = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
}
