#include <windows.h>

#include "os/thread_number.h"

namespace sluice::os {

// Read from the thread's own block: no system call. Never 0.
std::uint32_t thread_number() noexcept { return ::GetCurrentThreadId(); }

}  // namespace sluice::os
