// context_x86_64_posix.cc: where a new context begins, on x86-64 with the System V calling
// convention.
//
// A user-space shadow stack (CET's SHSTK) would have to be switched too; that is not done, so this
// file must be compiled with -fcf-protection=branch where the rest uses =full. The linker then
// leaves the SHSTK mark off the result, and the system does not turn shadow stacks on for it.
#include <cstdint>

#include "fiber/assembly.h"
#include "fiber/context.h"

// The outermost frame of every fiber. The first switch arrives here with the stack of make_context:
// argument and entry, then two zero words; and with its message in rdx. `.cfi_undefined rip` says
// that there is no caller, which ends every unwinder whatever lies above; the zero frame pointer
// ends those that follow frame pointers, and the zero words those that guess.
asm(SLUICE_ASM_BEGIN("sluice_fiber_entry", "@function") R"(
    .cfi_startproc
    .cfi_undefined rip
    endbr64
    xorl %ebp, %ebp
    movq 0(%rsp), %rdi
    movq %rdx, %rsi
    movq 8(%rsp), %rax
    callq *%rax
    ud2
    .cfi_endproc
)" SLUICE_ASM_END("sluice_fiber_entry"));

extern "C" void sluice_fiber_entry() noexcept;

namespace sluice::rt {

void make_context(context& into, void* stack_top, entry_function entry, void* argument) noexcept {
  void** frame = static_cast<void**>(stack_top) - 4;
  frame[0] = argument;
  frame[1] = reinterpret_cast<void*>(entry);
  frame[2] = nullptr;
  frame[3] = nullptr;
  into.stack_pointer = static_cast<void*>(frame);
  into.frame_pointer = nullptr;
  into.resume_address = reinterpret_cast<void*>(&sluice_fiber_entry);
}

}  // namespace sluice::rt
