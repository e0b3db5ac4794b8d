// assembly.h: what a function in assembly begins and ends with, in the words of the system's object
// format. For the contexts' files.
#pragma once

#if defined(__APPLE__)
// Mach-O: C names have an underscore, a symbol has no type and no size, and hidden is a private
// extern.
#define SLUICE_ASM_NAME(name) "_" name
#define SLUICE_ASM_BEGIN(name, kind) \
  ".text\n"                                   \
  ".p2align 4\n"                              \
  ".globl " SLUICE_ASM_NAME(name) "\n"        \
  ".private_extern " SLUICE_ASM_NAME(name) "\n" SLUICE_ASM_NAME(name) ":\n"
#define SLUICE_ASM_END(name)
#else
#define SLUICE_ASM_NAME(name) name
#define SLUICE_ASM_BEGIN(name, kind) \
  ".text\n"                          \
  ".p2align 4\n"                     \
  ".globl " name                     \
  "\n"                               \
  ".hidden " name                    \
  "\n"                               \
  ".type " name ", " kind "\n" name ":\n"
#define SLUICE_ASM_END(name) ".size " name ", . - " name "\n"
#endif
