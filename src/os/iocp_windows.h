// iocp_windows.h: an I/O completion port and what goes through it, one system call a function.
#pragma once

#include <winsock2.h>

#include <cstdint>
#include <span>

#include "os/handle.h"
#include "os/socket.h"
#include "sluice/error.h"

namespace sluice::os {

using completion_port = HANDLE;
inline constexpr std::int64_t port_no_limit = -1;

// Opens a port that lets any number of threads work at a time.
[[nodiscard]] result<completion_port> port_open() noexcept;
void port_close(completion_port port) noexcept;

// Ties a socket to the port, for as long as it is open. What completes at once sends no packet.
//
//   Errors  std::errc::invalid_argument  it is tied to a port already
[[nodiscard]] result<void> port_tie(completion_port port, native_handle socket) noexcept;

// Sends an empty packet through the port. Any thread. False: the system has no memory for it.
bool port_post(completion_port port) noexcept;

// Waits for packets, at most `timeout`: 0 does not block, port_no_limit has no limit.
//
//   Returns  how many were stored; those of port_post have no lpOverlapped.
//   Units    nanoseconds, rounded up to milliseconds.
[[nodiscard]] std::size_t port_wait(completion_port port, std::span<OVERLAPPED_ENTRY> into,
                                    std::int64_t timeout) noexcept;

// --- operations: `with` must stay where it is until the packet has come
//
// What a call came to: it has ended, and no packet comes; or it is under way.
struct begun {
  bool under_way = false;
  outcome ended{0};
};

[[nodiscard]] begun begin_receive(native_handle socket, read_buffer into,
                                  OVERLAPPED& with) noexcept;
[[nodiscard]] begun begin_send(native_handle socket, write_buffer from, OVERLAPPED& with) noexcept;

// What the system wants for as long as it accepts.
struct accept_place {
  static constexpr DWORD address_room = sizeof(sockaddr_storage) + 16;
  native_handle taken = no_handle;
  std::array<std::byte, 2 * address_room> addresses;
};
[[nodiscard]] begun begin_accept(native_handle listener, accept_place& place,
                                 OVERLAPPED& with) noexcept;
// Makes a socket of its own of what was accepted, and tells whose it is.
[[nodiscard]] outcome finish_accept(native_handle listener, accept_place& place,
                                    address_buffer& peer) noexcept;

[[nodiscard]] begun begin_connect(native_handle socket, const address_buffer& where,
                                  OVERLAPPED& with) noexcept;
[[nodiscard]] outcome finish_connect(native_handle socket) noexcept;

// What an operation has come to whose packet has come: bytes, or its error.
[[nodiscard]] outcome ended(native_handle socket, OVERLAPPED& with) noexcept;

// Asks the system to let go. The packet comes all the same.
void cancel(native_handle socket, OVERLAPPED& with) noexcept;

}  // namespace sluice::os
