// signals.h: signals noted by a handler and announced on an event, one process-wide set.
//
//   Handler:  1 set the signal's bit [A]   2 write to the event, which wakes every watcher [B]
//   Waiter:   1 watch the event   2 take a bit [C]: one was set, done   3 wait for the event, 2
// The write [B] comes after [A], so a waiter that is woken, or that began to watch later, sees the
// bit. The event is opened once and kept for the process's life: a handler that is just running on
// another thread must not write to a number that serves somebody else by then.
//
// ThreadSanitizer installs a handler of its own in front of each, which keeps a signal back until
// the context that it came upon makes its next call that it knows. That context may be a fiber that
// has just ended, or a thread in a system call that it does not know; then the signal is lost. So
// the kernel is told of our handler directly, which does nothing that ThreadSanitizer must see.
#pragma once

#include <cstdint>

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

// Returns  a descriptor of the event for one waiter, non-blocking, close-on-exec; it becomes
//          readable, as an edge, at every caught signal. The caller closes it.
[[nodiscard]] result<native_handle> open_signal_event() noexcept;

// From now on the signal is noted instead of doing what it did. Does nothing the second time.
[[nodiscard]] result<void> catch_signal(int number) noexcept;

// Returns  the lowest noted signal of `mask` (bit n - 1 for signal n), which is noted no more; or
// 0.
[[nodiscard]] int take_signal(std::uint64_t mask) noexcept;

// What asks a program to show what it is doing: SIGQUIT, or SIGBREAK.
extern const int quit_signal;

// `call` is called after each caught signal was noted, in the handler: signal-safe. Null: nothing.
void after_noting(void (*call)() noexcept) noexcept;

// Blocks every signal on the calling thread, for threads that are not the user's.
void block_signals() noexcept;

// Every caught signal does again what it did before; what was noted is forgotten.
void restore_signals() noexcept;

}  // namespace sluice::os
