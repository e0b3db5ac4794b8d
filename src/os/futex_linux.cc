#include "os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/unseen.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;

// Signals' handlers come here to wake: nothing in it, and in futex_wake, is announced to a
// sanitizer, whose own state the signal may have interrupted.
SLUICE_UNSEEN long futex(const void* word, int operation, std::uint32_t value,
                         const timespec* until) noexcept {
  count_call(call::other);
  return ::syscall(SYS_futex, word, operation, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  futex(&word, FUTEX_WAIT_PRIVATE, expected, nullptr);
}

bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::int64_t until) noexcept {
  const std::int64_t since_start = until > 0 ? until : 0;
  const timespec when{static_cast<std::time_t>(since_start / nanoseconds_a_second),
                      static_cast<long>(since_start % nanoseconds_a_second)};
  // Of the two waits only the one with a bit set takes an absolute time.
  const long outcome = futex(&word, FUTEX_WAIT_BITSET_PRIVATE, expected, &when);
  return outcome == 0 || errno != ETIMEDOUT;
}

SLUICE_UNSEEN void futex_wake(const void* address, int count) noexcept {
  // Fails with EFAULT if the memory is gone, and then nobody sleeps there.
  futex(address, FUTEX_WAKE_PRIVATE, static_cast<std::uint32_t>(count), nullptr);
}

}  // namespace sluice::os
