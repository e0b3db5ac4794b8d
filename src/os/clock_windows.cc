#include <chrono>

#include "os/clock.h"

namespace sluice::os {

// QueryPerformanceCounter, which needs no system call; it goes on while the machine sleeps.
std::int64_t monotonic_now() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

// GetTickCount64 is no faster, and counts from another moment.
std::int64_t monotonic_now_coarse() noexcept { return monotonic_now(); }

}  // namespace sluice::os
