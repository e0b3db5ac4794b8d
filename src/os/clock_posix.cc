#include <time.h>

#include "os/clock.h"

namespace sluice::os {
namespace {

// Not counted as a system call: the C library reads both clocks without entering the kernel.
std::int64_t read_clock(clockid_t which) noexcept {
  timespec now{};
  // Cannot fail: the clock exists and the pointer is valid.
  ::clock_gettime(which, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t monotonic_now() noexcept { return read_clock(CLOCK_MONOTONIC); }

std::int64_t monotonic_now_coarse() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  return read_clock(CLOCK_MONOTONIC_COARSE);
#else
  return read_clock(CLOCK_MONOTONIC);
#endif
}

}  // namespace sluice::os
