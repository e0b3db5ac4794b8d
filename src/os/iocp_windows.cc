#include "os/iocp_windows.h"

#include <mswsock.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "os/error_windows.h"
#include "os/socket_address.h"
#include "os/socket_windows.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

HANDLE kernel_handle(native_handle socket) noexcept {
  return reinterpret_cast<HANDLE>(to_socket(socket));
}

outcome no_outcome() noexcept { return outcome(0); }

// `failed` is what the call said: an operation that could not end at once has failed with
// "pending".
begun begun_as(bool failed, const OVERLAPPED& with,
               outcome (*failure)() noexcept = failed_socket_call) noexcept {
  if (!failed)
    return {.under_way = false, .ended = outcome(static_cast<std::int64_t>(with.InternalHigh))};
  if (::WSAGetLastError() == WSA_IO_PENDING) return {.under_way = true, .ended = no_outcome()};
  return {.under_way = false, .ended = failure()};
}

// The functions that Winsock gives out by their number. They are the same for every socket.
template <class Function>
Function* extension(native_handle socket, GUID which) noexcept {
  Function* found = nullptr;
  DWORD size = 0;
  const int failed = ::WSAIoctl(to_socket(socket), SIO_GET_EXTENSION_FUNCTION_POINTER, &which,
                                sizeof(which), &found, sizeof(found), &size, nullptr, nullptr);
  return failed == 0 ? found : nullptr;
}

using accept_function = std::remove_pointer_t<LPFN_ACCEPTEX>;
using connect_function = std::remove_pointer_t<LPFN_CONNECTEX>;

accept_function* accept_extension(native_handle socket) noexcept {
  static accept_function* const found = extension<accept_function>(socket, WSAID_ACCEPTEX);
  return found;
}
connect_function* connect_extension(native_handle socket) noexcept {
  static connect_function* const found = extension<connect_function>(socket, WSAID_CONNECTEX);
  return found;
}

int family_of(native_handle socket) noexcept {
  raw_address own;
  if (::getsockname(to_socket(socket), &own.any, &own.size) != 0) return AF_UNSPEC;
  return own.any.sa_family;
}

// ConnectEx wants a socket that has an address; dial gives it none.
outcome bind_anywhere(native_handle socket, int family) noexcept {
  sockaddr_storage any{};
  any.ss_family = static_cast<ADDRESS_FAMILY>(family);
  const int size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  count_call(call::other);
  if (::bind(to_socket(socket), reinterpret_cast<const sockaddr*>(&any), size) == 0) {
    return outcome(0);
  }
  const outcome failed = failed_socket_call();
  // It has one already.
  return failed.failure() == std::errc::invalid_argument ? outcome(0) : failed;
}

}  // namespace

result<completion_port> port_open() noexcept {
  // How many threads may run that have taken from the port. With fewer, the system would let a
  // taker wait while a fiber that never parks keeps the last taker busy.
  constexpr DWORD threads = 0x7fffffff;
  count_call(call::other);
  const HANDLE made = ::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, threads);
  if (made == nullptr) return std::unexpected(last_error());
  return made;
}

void port_close(completion_port port) noexcept {
  count_call(call::other);
  ::CloseHandle(port);
}

result<void> port_tie(completion_port port, native_handle socket) noexcept {
  count_call(call::poll_control);
  constexpr UCHAR modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
  // First: from the moment that it is tied, another fiber may begin an operation.
  if (::SetFileCompletionNotificationModes(kernel_handle(socket), modes) == 0) {
    return std::unexpected(last_error());
  }
  count_call(call::poll_control);
  if (::CreateIoCompletionPort(kernel_handle(socket), port, 0, 0) == nullptr) {
    return std::unexpected(last_error());
  }
  return {};
}

bool port_post(completion_port port) noexcept {
  count_call(call::wake);
  return ::PostQueuedCompletionStatus(port, 0, 0, nullptr) != 0;
}

std::size_t port_wait(completion_port port, std::span<OVERLAPPED_ENTRY> into,
                      std::int64_t timeout) noexcept {
  constexpr std::int64_t nanoseconds = 1'000'000;
  constexpr std::int64_t longest = 1'000'000'000;  // ms; a wait may end early
  const DWORD limit =
      timeout == port_no_limit
          ? INFINITE
          : static_cast<DWORD>(std::min((timeout + nanoseconds - 1) / nanoseconds, longest));
  count_call(call::poll_wait);
  ULONG got = 0;
  const BOOL done = ::GetQueuedCompletionStatusEx(
      port, into.data(), static_cast<ULONG>(into.size()), &got, limit, FALSE);
  return done != 0 ? got : 0;
}

begun begin_receive(native_handle socket, read_buffer into, OVERLAPPED& with) noexcept {
  count_call(call::read);
  const std::size_t length = std::min(into.size(), longest_transfer);
  WSABUF buffer{static_cast<ULONG>(length), reinterpret_cast<char*>(into.data())};
  DWORD flags = 0;
  return begun_as(::WSARecv(to_socket(socket), &buffer, 1, nullptr, &flags, &with, nullptr) != 0,
                  with, failed_receive);
}

begun begin_send(native_handle socket, write_buffer from, OVERLAPPED& with) noexcept {
  count_call(call::write);
  const std::size_t length = std::min(from.size(), longest_transfer);
  auto* const data = const_cast<std::byte*>(from.data());
  WSABUF buffer{static_cast<ULONG>(length), reinterpret_cast<char*>(data)};
  return begun_as(::WSASend(to_socket(socket), &buffer, 1, nullptr, 0, &with, nullptr) != 0, with);
}

begun begin_accept(native_handle listener, accept_place& place, OVERLAPPED& with) noexcept {
  accept_function* const accept = accept_extension(listener);
  if (accept == nullptr) return {.under_way = false, .ended = outcome(-ENOTSUP)};
  count_call(call::other);
  const SOCKET made = ::WSASocketW(family_of(listener), SOCK_STREAM, 0, nullptr, 0,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (made == INVALID_SOCKET) return {.under_way = false, .ended = failed_socket_call()};
  place.taken = to_handle(made);
  count_call(call::accept);
  DWORD got = 0;
  const BOOL done = accept(to_socket(listener), made, place.addresses.data(), 0,
                           accept_place::address_room, accept_place::address_room, &got, &with);
  return begun_as(done == 0, with);
}

outcome finish_accept(native_handle listener, accept_place& place, address_buffer& peer) noexcept {
  const native_handle taken = std::exchange(place.taken, no_handle);
  const auto refuse = [&](outcome why) {
    close_handle(taken);
    return why;
  };
  const SOCKET from = to_socket(listener);
  count_call(call::other);
  if (::setsockopt(to_socket(taken), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                   reinterpret_cast<const char*>(&from), sizeof(from)) != 0) {
    return refuse(failed_socket_call());
  }
  if (const outcome done = make_non_blocking(taken); !done.ok()) return refuse(done);
  raw_address raw;
  count_call(call::other);
  if (::getpeername(to_socket(taken), &raw.any, &raw.size) != 0)
    return refuse(failed_socket_call());
  const auto size = static_cast<std::size_t>(raw.size);
  std::memcpy(peer.bytes.data(), &raw.any, size);
  peer.size = static_cast<std::uint32_t>(size);
  return outcome(std::int64_t{taken});
}

begun begin_connect(native_handle socket, const address_buffer& where, OVERLAPPED& with) noexcept {
  connect_function* const connect = connect_extension(socket);
  if (connect == nullptr) return {.under_way = false, .ended = outcome(-ENOTSUP)};
  const auto* const address = reinterpret_cast<const sockaddr*>(where.bytes.data());
  if (const outcome bound = bind_anywhere(socket, address->sa_family); !bound.ok()) {
    return {.under_way = false, .ended = bound};
  }
  count_call(call::other);
  DWORD sent = 0;
  const BOOL done =
      connect(to_socket(socket), address, static_cast<int>(where.size), nullptr, 0, &sent, &with);
  return begun_as(done == 0, with);
}

outcome finish_connect(native_handle socket) noexcept {
  count_call(call::other);
  if (::setsockopt(to_socket(socket), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0) != 0) {
    return failed_socket_call();
  }
  return outcome(0);
}

outcome ended(native_handle socket, OVERLAPPED& with) noexcept {
  // An NTSTATUS; the socket's own words are asked for only if it is none of the good ones. A part
  // of what was cancelled may be done.
  constexpr std::uint32_t cancelled =
      0xC0000120;  // STATUS_CANCELLED, whose header fights windows.h
  const bool in_part = static_cast<std::uint32_t>(with.Internal) == cancelled;
  if (with.Internal == 0 || (in_part && with.InternalHigh > 0)) {
    return outcome(static_cast<std::int64_t>(with.InternalHigh));
  }
  DWORD bytes = 0;
  DWORD flags = 0;
  if (::WSAGetOverlappedResult(to_socket(socket), &with, &bytes, FALSE, &flags) != 0) {
    return outcome(std::int64_t{bytes});
  }
  return failed_socket_call();
}

void cancel(native_handle socket, OVERLAPPED& with) noexcept {
  count_call(call::other);
  // Not found: its packet is on its way.
  ::CancelIoEx(kernel_handle(socket), &with);
}

}  // namespace sluice::os
