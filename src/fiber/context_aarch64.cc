// context_aarch64.cc: where a new context begins, on AArch64.
#include <cstdint>

#include "fiber/assembly.h"
#include "fiber/context.h"

// The outermost frame of every fiber. The first switch arrives here with the stack of make_context:
// argument and entry, then two zero words; and with its message in x2. `.cfi_undefined x30` says
// that there is no caller, which ends every unwinder whatever lies above; the zero frame pointer
// and link register end those that follow frame records. `hint #36` is `bti j`.
asm(SLUICE_ASM_BEGIN("sluice_fiber_entry", "%function") R"(
    .cfi_startproc
    .cfi_undefined x30
    hint #36
    mov x29, xzr
    mov x30, xzr
    ldp x0, x9, [sp]
    mov x1, x2
    blr x9
    brk #1
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
  into.stack_pointer = frame;
  into.frame_pointer = nullptr;
  into.resume_address = reinterpret_cast<void*>(&sluice_fiber_entry);
}

}  // namespace sluice::rt
