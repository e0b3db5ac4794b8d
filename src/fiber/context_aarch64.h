// context_aarch64.h: the switch for AArch64 (AAPCS64). See context.h.
#pragma once

#include "fiber/context.h"

#if defined(__ARM_FEATURE_SVE)
// The vector registers z0-z31 contain v0-v31; the predicates are registers of their own.
#define SLUICE_SWITCH_CLOBBERS_SVE                                                                 \
  , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", \
      "p15", "ffr"
#else
#define SLUICE_SWITCH_CLOBBERS_SVE
#endif

#if defined(__APPLE__) || defined(_WIN32)
#define SLUICE_SWITCH_CLOBBERS_X18  // The platform's own register; no compiler keeps a value in it.
#else
#define SLUICE_SWITCH_CLOBBERS_X18 , "x18"
#endif

namespace sluice::rt {

[[gnu::always_inline]] inline void* switch_context(context& from, const context& to,
                                                   void* message) noexcept {
  register context* save asm("x0") = &from;
  register const context* load asm("x1") = &to;
  register void* carried asm("x2") = message;
  // x29 is stored, not declared lost, because compilers refuse the frame pointer as a clobber. The
  // jump goes through x17 and lands on `bti j` (hint #36), as branch target identification asks;
  // return addresses stay signed with the stack pointer they were signed with, which is restored.
  asm volatile(
      "adr x9, 1f\n\t"
      "mov x10, sp\n\t"
      "stp x10, x29, [x0]\n\t"
      "str x9, [x0, #16]\n\t"
      "ldp x10, x29, [x1]\n\t"
      "ldr x17, [x1, #16]\n\t"
      "mov sp, x10\n\t"
      "br x17\n"
      "1:\n\t"
      "hint #36\n\t"
      : "+r"(save), "+r"(load), "+r"(carried)
      :
      : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0",
        "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
        "v28", "v29", "v30", "v31", "memory",
        "cc" SLUICE_SWITCH_CLOBBERS_X18 SLUICE_SWITCH_CLOBBERS_SVE);
  return carried;
}

}  // namespace sluice::rt

#undef SLUICE_SWITCH_CLOBBERS_SVE
#undef SLUICE_SWITCH_CLOBBERS_X18
