// signal_event_posix.h: the descriptor on which signals.h announces a signal, and how the system is
// told of the handler. For os/ only.
#pragma once

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

// Opens the event, once, and keeps it for the process's life. Not for two threads at once.
[[nodiscard]] result<void> ensure_signal_event() noexcept;

// Returns  a descriptor of the event for one waiter; each announcement is an edge of it.
[[nodiscard]] result<native_handle> copy_signal_event() noexcept;

// In a signal handler, after ensure_signal_event(). Spoils errno.
void announce_signal() noexcept;

// Sees to it that the kernel itself calls `handler`, with the flags that sigaction has set.
[[nodiscard]] bool tell_kernel(int number, void (*handler)(int)) noexcept;

}  // namespace sluice::os
