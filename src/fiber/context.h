// context.h: a saved context, and the switch from one to another.
//
// The switch is inline assembly that stores three words and declares every other register lost, so
// the compiler saves what is live at this very place and nothing else. It never pushes: a leaf
// function may keep data in the red zone below its stack pointer, and the switch does not know
// whether it was inlined into one. A parked fiber's memory is therefore valid from its stack
// pointer less 128.
//
// Rejected: a called routine that pushes the callee-saved registers (twice the time, and it saves
// what is dead), ucontext (a system call each way), and Boost.Context (a dependency, and it cannot
// be inlined). MXCSR and the x87 control word are not saved: 8 ns for something that nearly no
// program changes.
//
// What the compiler cannot know, and the caller must: the code after a switch may run on another
// thread. So the address of a thread_local, of errno or of __cxa_get_globals() must not be computed
// in a function that switches, neither before nor after.
#pragma once

namespace sluice::rt {

// Written by the switch away from a context, read by the switch to it; owned by whoever may run the
// context next. The assembly knows the offsets: 0, 8 and 16.
struct context {
  void* stack_pointer = nullptr;
  void* frame_pointer = nullptr;
  void* resume_address = nullptr;
#if defined(_WIN32)
  // What the thread's information block says of the stack: see context_x86_64_windows.h. The
  // assembly knows these too: 24, 32, 40 and 48.
  void* exception_list = nullptr;
  const void* stack_base = nullptr;
  const void* stack_limit = nullptr;
  const void* stack_allocation = nullptr;
#endif
};

static_assert(sizeof(void*) == 8, "the switch's offsets assume this");

// What a context runs first, with the message of the switch that came first. It never returns; its
// last act is a switch to another context.
using entry_function = void (*)(void* argument, void* message);

// Prepares `into` so that the first switch to it calls entry(argument, message) on the stack that
// ends (grows down) at `stack_top`, which is aligned to 16. The outermost frame is marked, so that
// gdb, backtrace(), perf and the unwinder of exceptions stop there: an exception that leaves
// `entry` calls std::terminate.
void make_context(context& into, void* stack_top, entry_function entry, void* argument) noexcept;

// Tells the system, where it asks, that contexts of `of` run on [bottom, top). Once for a stack,
// before make_context; what has become of the stack by then is found out.
void set_stack_bounds(context& of, const void* bottom, const void* top) noexcept;

// Saves the running context in `from` and continues `to`; returns when somebody switches back to
// `from`, possibly on another thread, and returns the `message` of that switch: it travels in a
// register, and is the cheapest way to learn on which thread one has arrived. Not to be used in a
// function that has both over-aligned locals and an array of variable size: clang would need rbx
// (x19) for itself there.
inline void* switch_context(context& from, const context& to, void* message = nullptr) noexcept;

}  // namespace sluice::rt

#if defined(_WIN32)
#include "fiber/context_x86_64_windows.h"  // IWYU pragma: export
#elif defined(__x86_64__)
#include "fiber/context_x86_64.h"  // IWYU pragma: export
#elif defined(__aarch64__)
#include "fiber/context_aarch64.h"  // IWYU pragma: export
#else
#error "sluice has no context switch for this CPU"
#endif
