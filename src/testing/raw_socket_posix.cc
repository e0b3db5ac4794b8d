#include "testing/raw_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "os/socket_address.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

namespace sluice::testing {
namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::abort();
}

void send_all(int fd, std::string_view data, int flags) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), flags | MSG_NOSIGNAL);
    demand(sent > 0, "send");
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Dressed after it was made, since macOS has no flags for it.
raw_socket open_and_connect(const net::address& where, int status_flags, bool must) {
  const os::raw_address raw(where);
  raw_socket made(::socket(raw.any.sa_family, SOCK_STREAM, 0));
  demand(made.fd() >= 0, "socket");
  demand(::fcntl(made.fd(), F_SETFD, FD_CLOEXEC) == 0, "FD_CLOEXEC");
  demand(::fcntl(made.fd(), F_SETFL, status_flags) == 0, "F_SETFL");
  const int status = ::connect(made.fd(), &raw.any, raw.size);
  demand(status == 0 || !must, "connect");
  return made;
}

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  demand(::getsockopt(fd, level, name, &value, &size) == 0, "getsockopt");
  return value;
}

}  // namespace

raw_socket raw_socket::connect(const net::address& where) {
  return open_and_connect(where, 0, true);
}

raw_socket raw_socket::begin_connect(const net::address& where) {
  return open_and_connect(where, O_NONBLOCK, false);
}

bool raw_socket::is_connected() const {
  os::raw_address raw;
  return ::getpeername(fd_, &raw.any, &raw.size) == 0;
}

void raw_socket::send(std::string_view data) const { send_all(fd_, data, 0); }

void raw_socket::send_with_what_follows(std::string_view data) const {
#ifdef MSG_MORE
  send_all(fd_, data, MSG_MORE);
#else
  send(data);
#endif
}

void raw_socket::send_urgent(char byte) const { send_all(fd_, {&byte, 1}, MSG_OOB); }

std::string raw_socket::receive(std::size_t count) const {
  std::string text(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = ::recv(fd_, text.data() + have, count - have, 0);
    demand(got >= 0, "recv");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

void raw_socket::shutdown_write() const { demand(::shutdown(fd_, SHUT_WR) == 0, "shutdown"); }

void raw_socket::reset() {
  const linger at_once{1, 0};
  demand(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0, "SO_LINGER");
  close();
}

void raw_socket::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void send_until_full(int fd) {
  const std::string block(std::size_t{1} << 16, 'f');
  while (::send(fd, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
}

bool is_close_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
bool is_no_delay(int fd) { return option(fd, IPPROTO_TCP, TCP_NODELAY) != 0; }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace sluice::testing
