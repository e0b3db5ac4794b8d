#include <time.h>

#include "os/clock.h"

namespace sluice::os {
namespace {

// The clock of the C++ library's steady_clock. On macOS that is CLOCK_MONOTONIC_RAW, which goes on
// while the machine sleeps; CLOCK_UPTIME_RAW, which stands still, has another epoch.
#if defined(__APPLE__)
constexpr clockid_t steady = CLOCK_MONOTONIC_RAW;
constexpr clockid_t steady_at_last_tick = CLOCK_MONOTONIC_RAW_APPROX;
#elif defined(CLOCK_MONOTONIC_COARSE)
constexpr clockid_t steady = CLOCK_MONOTONIC;
constexpr clockid_t steady_at_last_tick = CLOCK_MONOTONIC_COARSE;
#elif defined(CLOCK_MONOTONIC_FAST)
constexpr clockid_t steady = CLOCK_MONOTONIC;
constexpr clockid_t steady_at_last_tick = CLOCK_MONOTONIC_FAST;
#else
constexpr clockid_t steady = CLOCK_MONOTONIC;
constexpr clockid_t steady_at_last_tick = CLOCK_MONOTONIC;
#endif

// Not counted as a system call: the C library reads both clocks without entering the kernel.
std::int64_t read_clock(clockid_t which) noexcept {
  timespec now{};
  // Cannot fail: the clock exists and the pointer is valid.
  ::clock_gettime(which, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t monotonic_now() noexcept { return read_clock(steady); }
std::int64_t monotonic_now_coarse() noexcept { return read_clock(steady_at_last_tick); }

}  // namespace sluice::os
