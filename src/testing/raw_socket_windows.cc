#include <cstdint>
#include <utility>

#include "os/socket_address.h"
#include "testing/raw_socket.h"
#include "testing/winsock_windows.h"

namespace sluice::testing {
namespace {

void send_all(int fd, std::string_view data, int flags) {
  while (!data.empty()) {
    const int sent = ::send(socket_of(fd), data.data(), static_cast<int>(data.size()), flags);
    demand_socket(sent > 0, "send");
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void set_blocking(int fd, bool blocking) {
  u_long mode = blocking ? 0 : 1;
  demand_socket(::ioctlsocket(socket_of(fd), static_cast<long>(FIONBIO), &mode) == 0, "FIONBIO");
}

}  // namespace

raw_socket raw_socket::connect(const net::address& where) {
  const os::raw_address raw(where);
  raw_socket made(open_socket(raw.any.sa_family));
  demand_socket(::connect(socket_of(made.fd()), &raw.any, raw.size) == 0, "connect");
  return made;
}

raw_socket raw_socket::begin_connect(const net::address& where) {
  const os::raw_address raw(where);
  raw_socket made(open_socket(raw.any.sa_family));
  set_blocking(made.fd(), false);
  static_cast<void>(::connect(socket_of(made.fd()), &raw.any, raw.size));
  return made;
}

bool raw_socket::is_connected() const {
  os::raw_address raw;
  return ::getpeername(socket_of(fd_), &raw.any, &raw.size) == 0;
}

void raw_socket::send(std::string_view data) const { send_all(fd_, data, 0); }

void raw_socket::send_with_what_follows(std::string_view data) const { send(data); }

void raw_socket::send_urgent(char byte) const { send_all(fd_, {&byte, 1}, MSG_OOB); }

std::string raw_socket::receive(std::size_t count) const {
  std::string text(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const int got = ::recv(socket_of(fd_), text.data() + have, static_cast<int>(count - have), 0);
    demand_socket(got >= 0, "recv");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

void raw_socket::shutdown_write() const {
  demand_socket(::shutdown(socket_of(fd_), SD_SEND) == 0, "shutdown");
}

void raw_socket::reset() {
  const linger at_once{1, 0};
  demand_socket(::setsockopt(socket_of(fd_), SOL_SOCKET, SO_LINGER,
                             reinterpret_cast<const char*>(&at_once), sizeof(at_once)) == 0,
                "SO_LINGER");
  close();
}

void raw_socket::close() noexcept {
  if (fd_ >= 0) ::closesocket(socket_of(std::exchange(fd_, -1)));
}

// The socket stays non-blocking, as every one that the library knows is.
void send_until_full(int fd) {
  const std::string block(std::size_t{1} << 16, 'f');
  set_blocking(fd, false);
  while (::send(socket_of(fd), block.data(), static_cast<int>(block.size()), 0) > 0) {
  }
}

bool is_close_on_exec(int fd) {
  DWORD flags = 0;
  const BOOL known = ::GetHandleInformation(reinterpret_cast<HANDLE>(socket_of(fd)), &flags);
  return known && (flags & HANDLE_FLAG_INHERIT) == 0;
}

bool is_no_delay(int fd) {
  DWORD value = 0;
  int size = sizeof(value);
  demand_socket(::getsockopt(socket_of(fd), IPPROTO_TCP, TCP_NODELAY,
                             reinterpret_cast<char*>(&value), &size) == 0,
                "TCP_NODELAY");
  return value != 0;
}

bool is_open(int fd) {
  DWORD flags = 0;
  return ::GetHandleInformation(reinterpret_cast<HANDLE>(socket_of(fd)), &flags) != FALSE;
}

}  // namespace sluice::testing
