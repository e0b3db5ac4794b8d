#include "os/membarrier.h"

#include <windows.h>

#include "os/syscall_count.h"

namespace sluice::os {

// FlushProcessWriteBuffers needs no announcement. Wine's is a stub (seen in 8.0), which would lose
// what the protocols are built on.
bool register_membarrier() noexcept {
  const HMODULE system = ::GetModuleHandleW(L"ntdll.dll");
  return system != nullptr && ::GetProcAddress(system, "wine_get_version") == nullptr;
}

void membarrier() noexcept {
  count_call(call::other);
  ::FlushProcessWriteBuffers();
}

}  // namespace sluice::os
