// error_windows.h: Windows's error codes as errno's numbers, so that an error means the same, and
// reads the same, on every system. For os/ and poller_iocp only.
#pragma once

#include <cstdint>

#include "os/socket.h"
#include "sluice/error.h"

namespace sluice::os {

// Returns  an errno value; for a code that has none, the code itself beyond every errno value, from
//          which error_of makes the system's own error.
[[nodiscard]] int errno_of(std::uint32_t code) noexcept;

// Returns  the error of a number that errno_of has returned.
[[nodiscard]] error error_of(int number) noexcept;

// What GetLastError says, as an error.
[[nodiscard]] error last_error() noexcept;

// What a socket call that failed came to: WSAGetLastError's code.
[[nodiscard]] outcome failed_socket_call() noexcept;
// The same for one that receives: on a half that was shut down here it is the end, as elsewhere.
[[nodiscard]] outcome failed_receive() noexcept;

}  // namespace sluice::os
