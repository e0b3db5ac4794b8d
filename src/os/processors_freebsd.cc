// processors_freebsd.cc: what cpuset(1) and a jail leave the process; rctl's pcpu is no number of
// CPUs and is not looked at.
#include <sys/param.h>

#include <sys/cpuset.h>

#include "os/processors.h"

namespace sluice::os {

std::uint32_t usable_processors() noexcept {
  cpuset_t allowed;
  CPU_ZERO(&allowed);
  if (::cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_PID, -1, sizeof(allowed), &allowed) != 0) {
    return 1;
  }
  const int count = CPU_COUNT(&allowed);
  return count > 0 ? static_cast<std::uint32_t>(count) : 1;
}

}  // namespace sluice::os
