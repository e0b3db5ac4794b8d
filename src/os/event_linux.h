// event_linux.h: an eventfd, which one thread writes so that another one's wait returns.
#pragma once

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

// Opens one with the counter at zero: close-on-exec, non-blocking.
[[nodiscard]] result<native_handle> event_open() noexcept;

// Adds one to the counter, which gives whoever watches it edge-triggered one more edge, though
// nobody ever reads it. A counter that has reached its limit (after 2^64 - 2 signals, or by a
// stranger's hand) is emptied first. Any thread; safe in a signal handler, errno is left alone.
void event_signal(native_handle event) noexcept;

}  // namespace sluice::os
