// socket_windows.cc: stream sockets by Winsock. They are non-blocking for the calls here, and
// overlapped for the operations of the completion port: the one does not mind the other.
#include "os/socket_windows.h"

#include <afunix.h>
#include <mswsock.h>
#include <winternl.h>
#include <ws2tcpip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>

#include "os/error_windows.h"
#include "os/socket.h"
#include "os/socket_address.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

// What a call that returns 0 for success came to.
template <class Call>
outcome zero_is_success(Call&& system_call) noexcept {
  count_call(call::other);
  return system_call() == 0 ? outcome(0) : failed_socket_call();
}

// From <ntifs.h>: FileReplaceCompletionInformation.
constexpr int replace_completion = 61;
struct completion_information {
  HANDLE port;
  void* key;
};

struct option_name {
  int level;
  int name;
};
option_name name_of(socket_option which) noexcept {
  switch (which) {
    case socket_option::reuse_address:
      break;
    case socket_option::only_ipv6:
      return {IPPROTO_IPV6, IPV6_V6ONLY};
    case socket_option::no_delay:
      return {IPPROTO_TCP, TCP_NODELAY};
    case socket_option::keep_alive:
      return {SOL_SOCKET, SO_KEEPALIVE};
    case socket_option::receive_buffer:
      return {SOL_SOCKET, SO_RCVBUF};
    case socket_option::send_buffer:
      return {SOL_SOCKET, SO_SNDBUF};
  }
  return {SOL_SOCKET, SO_REUSEADDR};
}

outcome get_value(SOCKET socket, int level, int name, void* into, int size) noexcept {
  return zero_is_success(
      [&] { return ::getsockopt(socket, level, name, static_cast<char*>(into), &size); });
}
outcome set_value(SOCKET socket, int level, int name, const void* from, int size) noexcept {
  return zero_is_success(
      [&] { return ::setsockopt(socket, level, name, static_cast<const char*>(from), size); });
}

// The first buffers of a list as the system wants them, cut to the longest transfer.
class vectors {
 public:
  template <class Buffer>
  vectors(std::span<const Buffer> buffers, std::size_t skip) noexcept {
    std::size_t room = longest_transfer;
    for (const Buffer& buffer : buffers) {
      if (size_ == entries_.size() || room == 0) break;
      if (skip >= buffer.size()) {
        skip -= buffer.size();
        continue;
      }
      const std::size_t length = std::min(buffer.size() - skip, room);
      auto* const data = const_cast<std::byte*>(buffer.data()) + skip;
      entries_[size_++] = {static_cast<ULONG>(length), reinterpret_cast<char*>(data)};
      room -= length;
      skip = 0;
    }
  }
  [[nodiscard]] WSABUF* data() noexcept { return entries_.data(); }
  [[nodiscard]] DWORD size() const noexcept { return static_cast<DWORD>(size_); }

 private:
  std::array<WSABUF, most_buffers> entries_;
  std::size_t size_ = 0;
};

outcome receive_into(native_handle socket, WSABUF* buffers, DWORD count) noexcept {
  count_call(call::read);
  DWORD got = 0;
  DWORD flags = 0;
  if (::WSARecv(to_socket(socket), buffers, count, &got, &flags, nullptr, nullptr) != 0) {
    return failed_receive();
  }
  return outcome(std::int64_t{got});
}

outcome send_from(native_handle socket, WSABUF* buffers, DWORD count) noexcept {
  count_call(call::write);
  DWORD sent = 0;
  if (::WSASend(to_socket(socket), buffers, count, &sent, 0, nullptr, nullptr) != 0) {
    return failed_socket_call();
  }
  return outcome(std::int64_t{sent});
}

result<net::address> name_of_end(native_handle socket, int(WSAAPI* ask)(SOCKET, sockaddr*, int*)) {
  raw_address raw;
  const outcome asked =
      zero_is_success([&] { return ask(to_socket(socket), &raw.any, &raw.size); });
  if (!asked.ok()) return std::unexpected(asked.failure());
  return raw.decode();
}

// Elsewhere a number that is not open at all is told from a handle of something else.
error no_socket(native_handle handle, outcome asked) noexcept {
  DWORD flags = 0;
  const auto kernel = reinterpret_cast<HANDLE>(to_socket(handle));
  if (::GetHandleInformation(kernel, &flags) == 0) return std::errc::bad_file_descriptor;
  return asked.failure();
}

}  // namespace

void start_sockets() noexcept {
  static const bool started = [] {
    WSADATA data;
    return ::WSAStartup(MAKEWORD(2, 2), &data) == 0;
  }();
  static_cast<void>(started);  // if it has failed, so does the call that follows, and says why
}

outcome receive(native_handle socket, read_buffer buffer) noexcept {
  return receive(socket, std::span(&buffer, 1));
}

outcome receive(native_handle socket, std::span<const read_buffer> buffers) noexcept {
  vectors list(buffers, 0);
  return receive_into(socket, list.data(), list.size());
}

outcome send(native_handle socket, write_buffer buffer) noexcept {
  return send(socket, std::span(&buffer, 1), 0);
}

outcome send(native_handle socket, std::span<const write_buffer> buffers,
             std::size_t skip) noexcept {
  vectors list(buffers, skip);
  return send_from(socket, list.data(), list.size());
}

outcome accept(native_handle listener, net::address& peer) noexcept {
  count_call(call::accept);
  raw_address raw;
  const SOCKET taken = ::accept(to_socket(listener), &raw.any, &raw.size);
  if (taken == INVALID_SOCKET) return failed_socket_call();
  const native_handle handle = to_handle(taken);
  // The listener's mode is said to be inherited; nothing is lost by being sure.
  for (const outcome done : {make_non_blocking(handle), make_close_on_exec(handle)}) {
    if (done.ok()) continue;
    close_handle(handle);
    return done;
  }
  peer = raw.decode();
  return outcome(std::int64_t{handle});
}

outcome open_stream(net::address::family family) noexcept {
  start_sockets();
  count_call(call::other);
  const SOCKET made = ::WSASocketW(domain_of(family), SOCK_STREAM, 0, nullptr, 0,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (made == INVALID_SOCKET) return failed_socket_call();
  const outcome ready = make_non_blocking(to_handle(made));
  if (ready.ok()) return outcome(std::int64_t{to_handle(made)});
  close_handle(to_handle(made));
  return ready;
}

outcome bind(native_handle socket, const net::address& where) noexcept {
  const raw_address raw(where);
  return zero_is_success([&] { return ::bind(to_socket(socket), &raw.any, raw.size); });
}

outcome listen(native_handle socket, int backlog) noexcept {
  return zero_is_success([&] { return ::listen(to_socket(socket), backlog); });
}

outcome connect(native_handle socket, const net::address& where) noexcept {
  const raw_address raw(where);
  const outcome begun =
      zero_is_success([&] { return ::connect(to_socket(socket), &raw.any, raw.size); });
  // Winsock says "would block" for what the others call under way. A local connect stays one that
  // would block, and is asked again, until it is there: no port tells of its end.
  if (!begun.would_block() && !begun.in_progress()) return begun;
  return outcome(where.is_ip() ? -EINPROGRESS : -EAGAIN);
}

outcome pending_error(native_handle socket) noexcept {
  DWORD code = 0;
  const outcome asked = get_value(to_socket(socket), SOL_SOCKET, SO_ERROR, &code, sizeof(code));
  if (!asked.ok() || code == 0) return asked;
  return outcome(-std::int64_t{errno_of(code)});
}

outcome shutdown(native_handle socket, half which) noexcept {
  const int how = which == half::read ? SD_RECEIVE : SD_SEND;
  return zero_is_success([&] { return ::shutdown(to_socket(socket), how); });
}

result<net::address> local_address(native_handle socket) {
  return name_of_end(socket, ::getsockname);
}

result<net::address> remote_address(native_handle socket) {
  return name_of_end(socket, ::getpeername);
}

outcome set_option(native_handle socket, socket_option which, int value) noexcept {
  // Elsewhere it lets a listener have a port that old connections still hold, which is the rule
  // here; here it would let two listeners have one port.
  if (which == socket_option::reuse_address) return outcome(0);
  const option_name option = name_of(which);
  return set_value(to_socket(socket), option.level, option.name, &value, sizeof(value));
}

result<int> get_option(native_handle socket, socket_option which) noexcept {
  const option_name option = name_of(which);
  int value = 0;  // some of them fill one byte of it
  const outcome asked =
      get_value(to_socket(socket), option.level, option.name, &value, sizeof(value));
  if (!asked.ok()) return std::unexpected(asked.failure());
  return value;
}

outcome set_linger(native_handle socket, int seconds) noexcept {
  constexpr int longest = 32767;
  const linger value{static_cast<u_short>(seconds >= 0 ? 1 : 0),
                     static_cast<u_short>(std::clamp(seconds, 0, longest))};
  return set_value(to_socket(socket), SOL_SOCKET, SO_LINGER, &value, sizeof(value));
}

result<int> get_linger(native_handle socket) noexcept {
  linger value{};
  const outcome asked = get_value(to_socket(socket), SOL_SOCKET, SO_LINGER, &value, sizeof(value));
  if (!asked.ok()) return std::unexpected(asked.failure());
  return value.l_onoff != 0 ? value.l_linger : -1;
}

result<socket_traits> describe_socket(native_handle handle) noexcept {
  start_sockets();
  WSAPROTOCOL_INFOW info{};
  const outcome asked =
      get_value(to_socket(handle), SOL_SOCKET, SO_PROTOCOL_INFOW, &info, sizeof(info));
  if (!asked.ok()) return std::unexpected(no_socket(handle, asked));
  BOOL listening = FALSE;
  const outcome listens =
      get_value(to_socket(handle), SOL_SOCKET, SO_ACCEPTCONN, &listening, sizeof(listening));
  socket_traits traits;
  traits.is_stream = info.iSocketType == SOCK_STREAM;
  traits.is_listening = listens.ok() && listening != FALSE;
  switch (info.iAddressFamily) {
    case AF_INET:
      traits.family = net::address::family::ipv4;
      break;
    case AF_INET6:
      traits.family = net::address::family::ipv6;
      break;
    case AF_UNIX:
      traits.family = net::address::family::path;
      break;
    default:
      break;
  }
  // What a completion port is asked for after a short read comes as soon as it is there.
  traits.short_read_drains = traits.is_stream && traits.family != net::address::family::path;
  return traits;
}

outcome make_non_blocking(native_handle handle) noexcept {
  u_long on = 1;
  return zero_is_success(
      [&] { return ::ioctlsocket(to_socket(handle), static_cast<long>(FIONBIO), &on); });
}

outcome make_close_on_exec(native_handle handle) noexcept {
  count_call(call::other);
  const auto kernel = reinterpret_cast<HANDLE>(to_socket(handle));
  if (::SetHandleInformation(kernel, HANDLE_FLAG_INHERIT, 0) != 0) return outcome(0);
  return outcome(-std::int64_t{errno_of(::GetLastError())});
}

// There is no such signal.
outcome forbid_sigpipe(native_handle) noexcept { return outcome(0); }

void leave_poller(native_handle socket) noexcept {
  count_call(call::poll_control);
  completion_information none{};
  IO_STATUS_BLOCK status{};
  // Where the system cannot, the socket stays tied, and says so when it is tied again.
  ::NtSetInformationFile(reinterpret_cast<HANDLE>(to_socket(socket)), &status, &none, sizeof(none),
                         static_cast<FILE_INFORMATION_CLASS>(replace_completion));
}

bool outcome::is_passing() const noexcept {
  // accept: the connection was gone before it was taken, or before anybody could ask whose it is.
  return value_ == -ECONNRESET || value_ == -ECONNABORTED || value_ == -ENETDOWN ||
         value_ == -ENOTCONN;
}

error outcome::failure() const noexcept { return error_of(static_cast<int>(-value_)); }

}  // namespace sluice::os
