#include "os/event_linux.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "os/syscall_count.h"

namespace sluice::os {
namespace {

// Returns 0 or an errno value.
int add_one(native_handle event) noexcept {
  const std::uint64_t one = 1;
  count_call(call::wake);
  return ::write(event, &one, sizeof(one)) == sizeof(one) ? 0 : errno;
}

void empty(native_handle event) noexcept {
  std::uint64_t count = 0;
  count_call(call::wake);
  [[maybe_unused]] const auto got = ::read(event, &count, sizeof(count));
}

}  // namespace

result<native_handle> event_open() noexcept {
  count_call(call::other);
  const native_handle event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) return std::unexpected(error::from_errno(errno));
  return event;
}

void event_signal(native_handle event) noexcept {
  const int kept = errno;
  for (;;) {
    const int failure = add_one(event);
    if (failure == EAGAIN) empty(event);
    if (failure != EAGAIN && failure != EINTR) break;
  }
  errno = kept;
}

}  // namespace sluice::os
