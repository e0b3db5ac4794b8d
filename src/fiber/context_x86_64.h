// context_x86_64.h: the switch for x86-64 with the System V calling convention. See context.h.
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
  // rbp is stored, not declared lost, because compilers refuse it as a clobber where it is the
  // frame pointer; where it is an ordinary register the store serves as well. rdi and rsi are
  // outputs, since an input may not be a clobber. The label starts with endbr64, which indirect
  // branch tracking asks of every target of an indirect jump.
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rsp, 0(%%rdi)\n\t"
      "movq %%rbp, 8(%%rdi)\n\t"
      "movq %%rax, 16(%%rdi)\n\t"
      "movq 0(%%rsi), %%rsp\n\t"
      "movq 8(%%rsi), %%rbp\n\t"
      "jmpq *16(%%rsi)\n"
      "1:\n\t"
      "endbr64\n\t"
      : "+D"(save), "+S"(load), "+d"(message)
      :
      : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
        "st(7)", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "memory",
        "cc" SLUICE_SWITCH_CLOBBERS_AVX512);
  return message;
}

}  // namespace sluice::rt

#undef SLUICE_SWITCH_CLOBBERS_AVX512
