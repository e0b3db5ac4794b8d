#include "os/limits.h"

#include <sys/resource.h>

#include <cerrno>

#include "os/syscall_count.h"

namespace sluice::os {

result<void> raise_descriptor_limit() noexcept {
  rlimit limit{};
  count_call(call::other);
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(error::from_errno(errno));
  if (limit.rlim_cur == limit.rlim_max) return {};
  limit.rlim_cur = limit.rlim_max;
  count_call(call::other);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::unexpected(error::from_errno(errno));
  return {};
}

}  // namespace sluice::os
