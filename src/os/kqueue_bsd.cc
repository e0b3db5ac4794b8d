#include "os/kqueue_bsd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <type_traits>

#include "os/socket.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
// macOS refuses what lies too far ahead with EINVAL.
constexpr std::int64_t longest_wait = 86'400 * nanoseconds_per_second;

int call_kevent(native_handle queue, std::span<const kernel_event> changes,
                std::span<kernel_event> events, const timespec* timeout) noexcept {
  const int got = ::kevent(queue, changes.data(), static_cast<int>(changes.size()), events.data(),
                           static_cast<int>(events.size()), timeout);
  if (got >= 0) return got;
  // kevent(2): all changes are applied when a signal ends the wait.
  return errno == EINTR ? 0 : -errno;
}

}  // namespace

result<native_handle> kqueue_open() noexcept {
  count_call(call::other);
  const native_handle queue = ::kqueue();
  if (queue < 0) return std::unexpected(error::from_errno(errno));
  // Not every system has a call that does both; a child that is forked in between has no queue.
  if (const outcome made = make_close_on_exec(queue); !made.ok()) {
    close_handle(queue);
    return std::unexpected(made.failure());
  }
  return queue;
}

kernel_event make_change(std::uintptr_t ident, int filter, unsigned flags, unsigned fflags,
                         void* udata) noexcept {
  kernel_event made{};
  made.ident = ident;
  made.filter = static_cast<decltype(made.filter)>(filter);
  made.flags = static_cast<decltype(made.flags)>(flags);
  made.fflags = fflags;
  made.udata = udata;
  return made;
}

int kqueue_change(native_handle queue, std::span<const kernel_event> changes,
                  std::span<kernel_event> answers) noexcept {
  const timespec at_once{};
  count_call(call::poll_control);
  return call_kevent(queue, changes, answers.first(changes.size()), &at_once);
}

int kqueue_wait(native_handle queue, std::span<const kernel_event> changes,
                std::span<kernel_event> events, std::int64_t timeout) noexcept {
  timespec limit{};
  if (timeout > 0) {
    timeout = std::min(timeout, longest_wait);
    limit.tv_sec = static_cast<std::time_t>(timeout / nanoseconds_per_second);
    limit.tv_nsec = static_cast<long>(timeout % nanoseconds_per_second);
  }
  count_call(call::poll_wait);
  return call_kevent(queue, changes, events, timeout < 0 ? nullptr : &limit);
}

result<void> check_watchable(native_handle fd) noexcept {
  struct stat about{};
  count_call(call::other);
  if (::fstat(fd, &about) != 0) return std::unexpected(error::from_errno(errno));
  if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) {
    return std::unexpected(error(std::errc::operation_not_permitted));
  }
  return {};
}

}  // namespace sluice::os
