// context_x86_64_windows.h: the switch for x86-64 with Windows's calling convention. See context.h.
//
// Windows keeps in each thread's information block, at gs:0, where its stack lies, and so must
// follow every switch:
//
//   gs:0x00    ExceptionList: unused by 64-bit Windows; Wine keeps frames of its own there, and
//              takes one that lies below the fiber's stack for a nearer handler than the fiber's
//   gs:0x08    StackBase: an exception's handlers must lie below it...
//   gs:0x10    StackLimit: ...and above this; the system lowers it as the stack grows
//   gs:0x1478  DeallocationStack: down to here the system lets the stack grow
//
// Rejected: the system's own fibers (SwitchToFiber saves all that could be live, by a call, and a
// stack would be the system's to make), and leaving the block alone (the first exception on a fiber
// ends the program).
#pragma once

#include "fiber/context.h"

#if defined(__AVX512F__)
// Only code that may use these registers has to give them up, and only then are their names known.
#define SLUICE_SWITCH_CLOBBERS_AVX512                                                           \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
      "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", \
      "k6", "k7"
#else
#define SLUICE_SWITCH_CLOBBERS_AVX512
#endif

namespace sluice::rt {

[[gnu::always_inline]] inline void* switch_context(context& from, const context& to,
                                                   void* message) noexcept {
  context* save = &from;
  const context* load = &to;
  register void* carried asm("r8") = message;
  // As context_x86_64.h, in the registers of this convention: no red zone, and rdi, rsi and
  // xmm6 to xmm15 are the caller's, which the compiler sees to since they are declared lost.
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, 0(%%rcx)\n\t"
      "movq %%rbp, 8(%%rcx)\n\t"
      "movq %%rax, 16(%%rcx)\n\t"
      "movq %%gs:0x00, %%rax\n\t"
      "movq %%rax, 24(%%rcx)\n\t"
      "movq %%gs:0x08, %%rax\n\t"
      "movq %%rax, 32(%%rcx)\n\t"
      "movq %%gs:0x10, %%rax\n\t"
      "movq %%rax, 40(%%rcx)\n\t"
      "movq %%gs:0x1478, %%rax\n\t"
      "movq %%rax, 48(%%rcx)\n\t"
      "movq 24(%%rdx), %%rax\n\t"
      "movq %%rax, %%gs:0x00\n\t"
      "movq 32(%%rdx), %%rax\n\t"
      "movq %%rax, %%gs:0x08\n\t"
      "movq 40(%%rdx), %%rax\n\t"
      "movq %%rax, %%gs:0x10\n\t"
      "movq 48(%%rdx), %%rax\n\t"
      "movq %%rax, %%gs:0x1478\n\t"
      "movq 0(%%rdx), %%rsp\n\t"
      "movq 8(%%rdx), %%rbp\n\t"
      "jmpq *16(%%rdx)\n"
      "1:\n\t"
      : "+c"(save), "+d"(load), "+r"(carried)
      :
      : "rax", "rbx", "rsi", "rdi", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
        "st(7)", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "memory",
        "cc" SLUICE_SWITCH_CLOBBERS_AVX512);
  return carried;
}

}  // namespace sluice::rt

#undef SLUICE_SWITCH_CLOBBERS_AVX512
