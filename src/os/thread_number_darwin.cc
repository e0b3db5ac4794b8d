#include <pthread.h>

#include "os/thread_number.h"

namespace sluice::os {

// The name of the thread's port: 32 bits, where pthread_threadid_np has 64.
std::uint32_t thread_number() noexcept { return ::pthread_mach_thread_np(::pthread_self()); }

// Those of libdispatch come and go by themselves, and may wake somebody when there are none.
std::uint32_t thread_count() noexcept { return 0; }

}  // namespace sluice::os
