// backtrace_bridge.h: calls a function so that, to the unwinder, the caller of its caller is a
// context that was left by a switch. In assembly, one for each CPU.
#pragma once

#include "fiber/context.h"

extern "C" void sluice_backtrace_bridge(const sluice::rt::context* left,
                                        void (*function)(void* argument), void* argument) noexcept;
