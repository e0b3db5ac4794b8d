#include <pthread.h>

#include "os/thread_number.h"

namespace sluice::os {

// The name of the thread's port: 32 bits, where pthread_threadid_np has 64.
std::uint32_t thread_number() noexcept { return ::pthread_mach_thread_np(::pthread_self()); }

}  // namespace sluice::os
