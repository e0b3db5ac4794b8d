// winsock_windows.h: the system's sockets, as the tests' own code uses them.
#pragma once

#include <winsock2.h>
// After winsock2.h, which they need.
#include <windows.h>
#include <ws2tcpip.h>

namespace sluice::testing {

// A socket is a kernel handle, of which only the low 32 bits count.
[[nodiscard]] inline SOCKET socket_of(int handle) noexcept { return static_cast<SOCKET>(handle); }

// Opens a stream socket of this domain that a child does not inherit. Ends the test program with a
// sentence when the system refuses.
[[nodiscard]] int open_socket(int domain);

// Ends the test program, saying what failed and how, unless `holds`.
void demand_socket(bool holds, const char* what);

}  // namespace sluice::testing
