#include "testing/winsock_windows.h"

#include <cstdio>
#include <cstdlib>

namespace sluice::testing {
namespace {

// Before main, since a test may be the first to use a socket.
const int started = [] {
  WSADATA ignored;
  return ::WSAStartup(MAKEWORD(2, 2), &ignored);
}();

}  // namespace

void demand_socket(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s: error %d\n", what, ::WSAGetLastError());
  std::abort();
}

int open_socket(int domain) {
  demand_socket(started == 0, "WSAStartup");
  const SOCKET made = ::WSASocketW(domain, SOCK_STREAM, 0, nullptr, 0,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  demand_socket(made != INVALID_SOCKET, "WSASocket");
  return static_cast<int>(made);
}

}  // namespace sluice::testing
