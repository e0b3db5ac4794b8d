// The standard library's own atomic::wait must not stand in for this: that of mingw's g++ 12 reads
// the value, then takes a lock and sleeps without reading it again, so wake-ups are lost.
#include "os/futex.h"

#include <windows.h>

#include <algorithm>

#include "os/clock.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

// Longer sleeps end early, as any may; INFINITE itself means something else.
constexpr std::int64_t longest = 1'000'000'000;  // ms

bool wait_on(const std::atomic<std::uint32_t>& word, std::uint32_t expected, DWORD limit) noexcept {
  count_call(call::other);
  auto* const address = const_cast<std::atomic<std::uint32_t>*>(&word);
  return ::WaitOnAddress(address, &expected, sizeof(expected), limit) != 0;
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  wait_on(word, expected, INFINITE);
}

bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::int64_t until) noexcept {
  constexpr std::int64_t nanoseconds = 1'000'000;
  const std::int64_t left = std::max<std::int64_t>(0, until - monotonic_now());
  // Rounded up: never shorter than asked.
  const std::int64_t limit = std::min((left + nanoseconds - 1) / nanoseconds, longest);
  return wait_on(word, expected, static_cast<DWORD>(limit)) || monotonic_now() < until;
}

void futex_wake(const void* address, int count) noexcept {
  count_call(call::other);
  auto* const word = const_cast<void*>(address);
  if (count == 1) {
    ::WakeByAddressSingle(word);
  } else {
    // More than asked for is no harm: every sleeper looks at its word again.
    ::WakeByAddressAll(word);
  }
}

}  // namespace sluice::os
