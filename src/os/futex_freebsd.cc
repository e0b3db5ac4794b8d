// futex_freebsd.cc: _umtx_op(2).
#include "os/futex.h"

// Order matters to these.
#include <sys/types.h>

#include <sys/umtx.h>

#include <cerrno>
#include <ctime>

#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::int64_t nanoseconds_a_second = 1'000'000'000;

// `until`, or no limit. Returns 0 or an errno value.
int wait_on(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
            _umtx_time* until) noexcept {
  count_call(call::other);
  void* const address = const_cast<std::atomic<std::uint32_t>*>(&word);
  // The fourth argument is the size of what the fifth one points to.
  void* const size = reinterpret_cast<void*>(until != nullptr ? sizeof(*until) : 0);
  return ::_umtx_op(address, UMTX_OP_WAIT_UINT_PRIVATE, expected, size, until) == 0 ? 0 : errno;
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  (void)wait_on(word, expected, nullptr);
}

bool futex_wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                      std::int64_t until) noexcept {
  const std::int64_t since_start = until > 0 ? until : 0;
  _umtx_time when{};
  when._timeout.tv_sec = static_cast<std::time_t>(since_start / nanoseconds_a_second);
  when._timeout.tv_nsec = static_cast<long>(since_start % nanoseconds_a_second);
  when._flags = UMTX_ABSTIME;
  when._clockid = CLOCK_MONOTONIC;
  return wait_on(word, expected, &when) != ETIMEDOUT;
}

void futex_wake(const void* address, int count) noexcept {
  count_call(call::other);
  (void)::_umtx_op(const_cast<void*>(address), UMTX_OP_WAKE_PRIVATE,
                   static_cast<unsigned long>(count), nullptr, nullptr);
}

}  // namespace sluice::os
