#include "os/limits.h"

#include <sys/resource.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include <algorithm>
#include <cerrno>

#include "os/syscall_count.h"

namespace sluice::os {
namespace {

// macOS says that a process may have descriptors without limit, and then refuses that number.
rlim_t most_descriptors(rlim_t hard) noexcept {
#ifdef __APPLE__
  int most = 0;
  std::size_t size = sizeof(most);
  count_call(call::other);
  if (::sysctlbyname("kern.maxfilesperproc", &most, &size, nullptr, 0) != 0 || most <= 0) {
    most = 10'240;  // OPEN_MAX, which every version takes
  }
  return std::min(hard, static_cast<rlim_t>(most));
#else
  return hard;
#endif
}

}  // namespace

result<void> raise_descriptor_limit() noexcept {
  rlimit limit{};
  count_call(call::other);
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(error::from_errno(errno));
  const rlim_t most = most_descriptors(limit.rlim_max);
  if (limit.rlim_cur >= most) return {};
  limit.rlim_cur = most;
  count_call(call::other);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(error::from_errno(errno));
  return {};
}

}  // namespace sluice::os
