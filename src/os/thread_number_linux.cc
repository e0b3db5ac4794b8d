#include "os/thread_number.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "os/syscall_count.h"

namespace sluice::os {

std::uint32_t thread_number() noexcept {
  count_call(call::other);
  return static_cast<std::uint32_t>(::syscall(SYS_gettid));
}

}  // namespace sluice::os
