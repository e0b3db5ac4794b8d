// handle.h: what the system calls an open socket or file.
#pragma once

namespace sluice::os {

// Wide enough for Windows too: of its handles, and a socket is one, only the lower 32 bits count
// (Microsoft, "Interprocess Communication Between 32-bit and 64-bit Applications").
using native_handle = int;
inline constexpr native_handle no_handle = -1;

// Gives the number back. The system's complaint, if any, is dropped: the number is gone either way,
// and trying again could close somebody else's.
void close_handle(native_handle handle) noexcept;

}  // namespace sluice::os
