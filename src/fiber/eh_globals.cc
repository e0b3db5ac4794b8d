#include "fiber/eh_globals.h"

#include <cxxabi.h>

#ifdef _LIBCPPABI_VERSION
// The ABI's, which libc++abi exports and does not declare.
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals();
}  // namespace __cxxabiv1
#endif

namespace sluice::rt {

[[gnu::noinline]] eh_globals* thread_eh_globals() noexcept {
  // Without this the compiler finds that the function is const like the one it calls, and merges
  // calls of this one instead.
  asm volatile("" ::: "memory");
  return reinterpret_cast<eh_globals*>(abi::__cxa_get_globals());
}

}  // namespace sluice::rt
