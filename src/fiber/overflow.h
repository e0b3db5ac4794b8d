// overflow.h: a stack overflow is a sentence that names the fiber, and an abort.
//
// An overflow ends in the guard below the stack, as a SIGSEGV (SIGBUS on some systems) with no
// stack left to handle it on; so each worker has an alternate stack for signals. Every other fault
// goes to the handler that was there before: the default action, the user's own, a sanitizer's.
//
// Rejected: checking the stack pointer in the runtime's calls, which finds an overflow only if the
// fiber comes back from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "fiber/stack_pool.h"

namespace sluice::rt {

// Writes "fiber 7 (spawned at main.cc:12)" into `into`, as much as fits, and returns its length.
// Called from the signal handler: it must be async-signal-safe, and must not trust what it reads.
using describe_fiber = std::size_t (*)(const stack_pool& pool, std::uint32_t index,
                                       std::span<char> into) noexcept;

// Installs the handler for the process; calls count, and the last uninstall takes it away. The
// latest `describe` is used; without one the fiber is named by its index. A handler that the
// program installs later stays in force, and may chain to this one.
void install_overflow_handler(describe_fiber describe) noexcept;

// Puts the previous handlers back, unless the program has installed its own meanwhile.
void uninstall_overflow_handler() noexcept;

// The calling thread's alternate stack, with a guard of its own; to be made and destroyed on that
// thread. The previous one is restored at the end. Where no memory is left for it, an overflow ends
// the program with the system's own message.
class alternate_stack {
 public:
  alternate_stack() noexcept;
  alternate_stack(const alternate_stack&) = delete;
  alternate_stack& operator=(const alternate_stack&) = delete;
  ~alternate_stack();

 private:
  struct previous_stack {  // stack_t without its header
    void* begin;
    std::size_t size;
    int flags;
  };
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  previous_stack previous_{};
};

}  // namespace sluice::rt
