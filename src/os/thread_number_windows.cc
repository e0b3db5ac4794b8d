#include <windows.h>

#include "os/thread_number.h"

namespace sluice::os {

// Read from the thread's own block: no system call. Never 0.
std::uint32_t thread_number() noexcept { return ::GetCurrentThreadId(); }

// Not known here.
std::uint32_t thread_count() noexcept { return 0; }

}  // namespace sluice::os
