// backtrace_aarch64.cc: the bridge for AArch64.
#include "fiber/assembly.h"
#include "fiber/backtrace_bridge.h"

// While the function runs, x19 holds the context, whose words 0, 8 and 16 are sp, x29 and the
// address to go on at. In DWARF's words (0x83: x19 plus an offset; 0x06: load):
//   0x0f     DW_CFA_def_cfa_expression: the caller's stack pointer is the context's word 0
//   0x10, n  DW_CFA_expression: where the caller's register n was saved; 30 is the return address,
//            which is not signed here
asm(SLUICE_ASM_BEGIN("sluice_backtrace_bridge", "%function") R"(
    .cfi_startproc
    hint #34
    stp x29, x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset x29, -32
    .cfi_offset x30, -24
    str x19, [sp, #16]
    .cfi_offset x19, -16
    mov x19, x0
    mov x0, x2
    .cfi_remember_state
    .cfi_escape 0x0f, 3, 0x83, 0, 0x06
    .cfi_escape 0x10, 29, 2, 0x83, 8
    .cfi_escape 0x10, 30, 2, 0x83, 16
    .cfi_undefined x19
    blr x1
    .cfi_restore_state
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore x19
    ret
    .cfi_endproc
)" SLUICE_ASM_END("sluice_backtrace_bridge"));
