// futex.h: sleeping on a 32-bit word until somebody changes it: what threads do where fibers park.
//
// Every wait may end early and for no reason (a signal, a wake meant for the word's last owner), so
// each caller looks at its word in a loop. The futexes are private to the process.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::os {

// Sleeps while `word` holds `expected`. Blocks the calling thread.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;

// As futex_wait, until the monotonic clock shows `until` at the latest.
//
//   Returns  false if the time has passed.
//   Units    absolute nanoseconds of the monotonic clock; a time in the past does not sleep.
[[nodiscard]] bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                                    std::int64_t until) noexcept;

// Wakes up to `count` sleepers. Only the address is used, never the memory behind it: the sleeper
// may have seen the change by itself and destroyed the word.
void futex_wake(const void* address, int count) noexcept;

}  // namespace sluice::os
