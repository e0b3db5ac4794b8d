#include <pthread_np.h>

#include "os/thread_number.h"

namespace sluice::os {

std::uint32_t thread_number() noexcept {
  return static_cast<std::uint32_t>(::pthread_getthreadid_np());
}

// Not known here.
std::uint32_t thread_count() noexcept { return 0; }

}  // namespace sluice::os
