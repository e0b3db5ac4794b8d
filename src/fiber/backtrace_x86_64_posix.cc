// backtrace_x86_64_posix.cc: the bridge for x86-64 with the System V calling convention.
#include "fiber/assembly.h"
#include "fiber/backtrace_bridge.h"

// While the function runs, rbx holds the context, whose words 0, 8 and 16 are rsp, rbp and rip. In
// DWARF's words (0x73: rbx plus an offset; 0x06: load):
//   0x0f     DW_CFA_def_cfa_expression: the caller's stack pointer is the context's word 0
//   0x10, n  DW_CFA_expression: where the caller's register n was saved; 6 is rbp, 16 is rip
asm(SLUICE_ASM_BEGIN("sluice_backtrace_bridge", "@function") R"(
    .cfi_startproc
    endbr64
    pushq %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset rbx, -16
    movq %rdi, %rbx
    movq %rdx, %rdi
    .cfi_remember_state
    .cfi_escape 0x0f, 3, 0x73, 0, 0x06
    .cfi_escape 0x10, 6, 2, 0x73, 8
    .cfi_escape 0x10, 16, 2, 0x73, 16
    .cfi_undefined rbx
    callq *%rsi
    .cfi_restore_state
    popq %rbx
    .cfi_def_cfa_offset 8
    .cfi_restore rbx
    ret
    .cfi_endproc
)" SLUICE_ASM_END("sluice_backtrace_bridge"));
