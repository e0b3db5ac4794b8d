#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "os/readiness.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

error last_error() noexcept { return error::from_errno(errno); }

}  // namespace

result<fd_events> ready_now(native_handle handle, fd_events wanted) noexcept {
  const bool reads = (wanted & fd_events::read) != fd_events::none;
  const bool writes = (wanted & fd_events::write) != fd_events::none;
  pollfd asked = {.fd = handle,
                  .events = static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)),
                  .revents = 0};
  int found = 0;
  do {
    count_call(call::other);
    found = ::poll(&asked, 1, 0);
  } while (found < 0 && errno == EINTR);
  if (found < 0) return std::unexpected(last_error());
  if ((asked.revents & POLLNVAL) != 0) {
    return std::unexpected(error(std::errc::bad_file_descriptor));
  }
  // poll(2) tells of these without being asked; neither call would wait then.
  const bool over = (asked.revents & (POLLHUP | POLLERR)) != 0;
  fd_events ready = fd_events::none;
  if (reads && (over || (asked.revents & POLLIN) != 0)) ready = ready | fd_events::read;
  if (writes && (over || (asked.revents & POLLOUT) != 0)) ready = ready | fd_events::write;
  return ready;
}

result<native_handle> duplicate(native_handle handle) noexcept {
  count_call(call::other);
  const int copy = ::fcntl(handle, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return std::unexpected(last_error());
  return copy;
}

}  // namespace sluice::os
