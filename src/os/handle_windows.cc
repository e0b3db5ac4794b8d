#include "os/socket_windows.h"
#include "os/syscall_count.h"

namespace sluice::os {

void close_handle(native_handle handle) noexcept {
  count_call(call::other);
  const SOCKET socket = to_socket(handle);
  if (::closesocket(socket) == 0 || ::WSAGetLastError() != WSAEWOULDBLOCK) return;
  // With a positive linger and unsent data, a non-blocking socket refuses; whoever has set one
  // closes on a thread that may block.
  u_long non_blocking = 0;
  ::ioctlsocket(socket, static_cast<long>(FIONBIO), &non_blocking);
  ::closesocket(socket);
}

}  // namespace sluice::os
