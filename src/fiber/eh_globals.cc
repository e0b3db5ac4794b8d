#include "fiber/eh_globals.h"

#include <cxxabi.h>

namespace sluice::rt {

[[gnu::noinline]] eh_globals* thread_eh_globals() noexcept {
  // Without this the compiler finds that the function is const like the one it calls, and merges
  // calls of this one instead.
  asm volatile("" ::: "memory");
  return reinterpret_cast<eh_globals*>(abi::__cxa_get_globals());
}

}  // namespace sluice::rt
