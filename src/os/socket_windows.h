// socket_windows.h: what Windows's socket calls have in common. For os/ only.
#pragma once

#include <winsock2.h>

#include <cstdint>

#include "os/handle.h"

namespace sluice::os {

[[nodiscard]] inline SOCKET to_socket(native_handle handle) noexcept {
  if (handle == no_handle) return INVALID_SOCKET;
  return static_cast<SOCKET>(static_cast<std::uint32_t>(handle));
}
[[nodiscard]] inline native_handle to_handle(SOCKET socket) noexcept {
  return static_cast<native_handle>(static_cast<std::uint32_t>(socket));
}

// Before the process's first socket call. Never ended: sockets may be in use until the very end.
void start_sockets() noexcept;

}  // namespace sluice::os
