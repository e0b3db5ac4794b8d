// futex_darwin.cc: __ulock_wait and __ulock_wake, which are what libc++'s atomic waits and Apple's
// own locks sleep on. The public calls, os_sync_wait_on_address, are there from macOS 14.4 on only,
// and their header is missing in many SDKs.
//
// Rejected: a table of mutexes and condition variables, which would have to be looked up by address
// on both sides, and is no place to sleep for a guard of a static that lies in an unloaded library.
#include "os/futex.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "os/clock.h"
#include "os/syscall_count.h"

extern "C" {
// `timeout` in microseconds, 0: without limit. With no_errno both return 0 or more, or the negated
// error number.
int __ulock_wait(std::uint32_t operation, void* address, std::uint64_t value,
                 std::uint32_t timeout);
int __ulock_wake(std::uint32_t operation, void* address, std::uint64_t value);
}

namespace sluice::os {
namespace {

constexpr std::uint32_t compare_and_wait = 1;
constexpr std::uint32_t wake_all = 0x00000100;
constexpr std::uint32_t no_errno = 0x01000000;

constexpr std::int64_t nanoseconds_a_microsecond = 1'000;

// Returns 0 or more, or the negated error number.
int wait_microseconds(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::uint32_t timeout) noexcept {
  count_call(call::other);
  void* const address = const_cast<std::atomic<std::uint32_t>*>(&word);
  return __ulock_wait(compare_and_wait | no_errno, address, expected, timeout);
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  (void)wait_microseconds(word, expected, 0);
}

bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::int64_t until) noexcept {
  const std::int64_t left = until - monotonic_now();
  if (until <= 0 || left <= 0) {
    // A time in the past does not sleep, whatever the word holds.
    return word.load(std::memory_order_relaxed) != expected;  // relaxed: the caller looks again
  }
  // Rounded up: what ends before its time would only be repeated. An hour and more ends early.
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t rounded =
      left / nanoseconds_a_microsecond + (left % nanoseconds_a_microsecond != 0 ? 1 : 0);
  const auto timeout = static_cast<std::uint32_t>(std::min(rounded, most));
  return wait_microseconds(word, expected, timeout) != -ETIMEDOUT || rounded > most;
}

void futex_wake(const void* address, int count) noexcept {
  void* const where = const_cast<void*>(address);
  if (count > 1) {
    // There is one, or all: a sleeper too many looks at its word and sleeps again.
    count_call(call::other);
    (void)__ulock_wake(compare_and_wait | wake_all | no_errno, where, 0);
    return;
  }
  count_call(call::other);
  // Fails with ENOENT if nobody sleeps there.
  (void)__ulock_wake(compare_and_wait | no_errno, where, 0);
}

}  // namespace sluice::os
