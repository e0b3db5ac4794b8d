// processors_darwin.cc: there is no affinity of a process, and no quota.
#include <unistd.h>

#include "os/processors.h"

namespace sluice::os {

std::uint32_t usable_processors() noexcept {
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<std::uint32_t>(online) : 1;
}

}  // namespace sluice::os
