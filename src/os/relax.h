// relax.h: tells the CPU that this is a spinning wait, so that it leaves the other hardware thread
// the core and does not speculate past the end of the loop.
#pragma once

namespace sluice::os {

inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // `yield` is a no-op on the cores that exist
#endif
}

}  // namespace sluice::os
