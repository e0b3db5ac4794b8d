// epoll_linux.cc: the wrappers. A timeout of zero and none at all go to plain epoll_wait, which has
// no timespec to copy; only a real deadline needs epoll_pwait2's nanoseconds.
#include "os/epoll_linux.h"

#include <atomic>
#include <cerrno>
#include <limits>

#include "os/syscall_count.h"

namespace sluice::os {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
constexpr std::int64_t nanoseconds_per_millisecond = 1'000'000;

// Set once the system has said that it has no epoll_pwait2. relaxed throughout: a hint that saves a
// futile call, it orders nothing.
std::atomic<bool> milliseconds_only{false};

// An interrupted wait is an early and empty return: whoever waits looks at the clock anyway.
int reports_or_error(int returned) noexcept {
  if (returned >= 0) return returned;
  return errno == EINTR ? 0 : -errno;
}

int wait_milliseconds(native_handle set, std::span<epoll_event> events, int timeout) noexcept {
  count_call(call::poll_wait);
  return reports_or_error(
      ::epoll_wait(set, events.data(), static_cast<int>(events.size()), timeout));
}

int wait_nanoseconds(native_handle set, std::span<epoll_event> events,
                     std::int64_t timeout) noexcept {
  const timespec limit{.tv_sec = timeout / nanoseconds_per_second,
                       .tv_nsec = timeout % nanoseconds_per_second};
  count_call(call::poll_wait);
  return reports_or_error(
      ::epoll_pwait2(set, events.data(), static_cast<int>(events.size()), &limit, nullptr));
}

// Rounds up: a wait that ends before its deadline would only be repeated, as a busy loop.
int to_milliseconds(std::int64_t nanoseconds) noexcept {
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  const std::int64_t rounded = nanoseconds / nanoseconds_per_millisecond +
                               (nanoseconds % nanoseconds_per_millisecond != 0 ? 1 : 0);
  return static_cast<int>(rounded < most ? rounded : most);
}

result<void> control(native_handle set, int operation, native_handle fd,
                     epoll_event* event) noexcept {
  count_call(call::poll_control);
  if (::epoll_ctl(set, operation, fd, event) != 0) {
    return std::unexpected(error::from_errno(errno));
  }
  return {};
}

}  // namespace

result<native_handle> epoll_open() noexcept {
  count_call(call::other);
  const native_handle set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) return std::unexpected(error::from_errno(errno));
  return set;
}

result<void> epoll_add(native_handle set, native_handle fd, std::uint32_t events,
                       std::uint64_t data) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return control(set, EPOLL_CTL_ADD, fd, &event);
}

result<void> epoll_remove(native_handle set, native_handle fd) noexcept {
  epoll_event unused{};  // Linux before 2.6.9 read it
  return control(set, EPOLL_CTL_DEL, fd, &unused);
}

int epoll_wait(native_handle set, std::span<epoll_event> events, std::int64_t timeout) noexcept {
  if (timeout <= 0) return wait_milliseconds(set, events, timeout < 0 ? -1 : 0);
  if (!milliseconds_only.load(std::memory_order_relaxed)) {
    const int got = wait_nanoseconds(set, events, timeout);
    if (got != -ENOSYS) return got;
    milliseconds_only.store(true, std::memory_order_relaxed);
  }
  return wait_milliseconds(set, events, to_milliseconds(timeout));
}

void epoll_force_milliseconds(bool forced) noexcept {
  milliseconds_only.store(forced, std::memory_order_relaxed);
}

}  // namespace sluice::os
