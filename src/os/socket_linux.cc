// socket_linux.cc: calls with flags that only Linux has in this form, and what its errors mean.
#include <netinet/tcp.h>

#include "os/socket_address.h"
#include "os/socket_call_posix.h"

namespace sluice::os {
namespace {

// An option that the socket may not have counts as `otherwise`.
int option_or(native_handle handle, int level, int name, int otherwise) noexcept {
  int value = 0;
  socklen_t size = sizeof(value);
  const outcome asked =
      counted(call::other, [&] { return ::getsockopt(handle, level, name, &value, &size); });
  return asked.ok() ? value : otherwise;
}

// True if an upper-layer protocol (kTLS, ...) sits on the socket, or if that cannot be told.
bool has_upper_layer(native_handle handle) noexcept {
  char name[16] = {};
  socklen_t size = sizeof(name);
  const outcome asked =
      counted(call::other, [&] { return ::getsockopt(handle, IPPROTO_TCP, TCP_ULP, name, &size); });
  return !asked.ok() || size != 0;
}

net::address::family family_of(int domain) noexcept {
  switch (domain) {
    case AF_INET:
      return net::address::family::ipv4;
    case AF_INET6:
      return net::address::family::ipv6;
    case AF_UNIX:
      return net::address::family::path;
    default:
      return net::address::family::none;
  }
}

}  // namespace

outcome open_stream(net::address::family family) noexcept {
  const int domain = domain_of(family);
  return counted(call::other,
                 [&] { return ::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
}

outcome accept(native_handle listener, net::address& peer) noexcept {
  raw_address raw;
  const outcome taken = counted(call::accept, [&] {
    raw.size = sizeof(raw.local);
    return ::accept4(listener, &raw.any, &raw.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  });
  if (taken.ok()) peer = raw.decode();
  return taken;
}

result<socket_traits> describe_socket(native_handle handle) noexcept {
  int type = 0;
  socklen_t size = sizeof(type);
  const outcome asked =
      counted(call::other, [&] { return ::getsockopt(handle, SOL_SOCKET, SO_TYPE, &type, &size); });
  if (!asked.ok()) return std::unexpected(asked.failure());

  socket_traits traits;
  traits.family = family_of(option_or(handle, SOL_SOCKET, SO_DOMAIN, AF_UNSPEC));
  traits.is_stream = type == SOCK_STREAM;
  traits.is_listening = option_or(handle, SOL_SOCKET, SO_ACCEPTCONN, 0) != 0;
  const bool is_tcp =
      traits.is_stream && option_or(handle, SOL_SOCKET, SO_PROTOCOL, 0) == IPPROTO_TCP;
  traits.short_read_drains =
      is_tcp && !has_upper_layer(handle) && option_or(handle, SOL_SOCKET, SO_RCVLOWAT, 0) == 1;
  return traits;
}

outcome forbid_sigpipe(native_handle) noexcept { return outcome(0); }

// accept(2): Linux hands the errors of the new connection on through accept.
bool outcome::is_passing() const noexcept {
  switch (-value_) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace sluice::os
