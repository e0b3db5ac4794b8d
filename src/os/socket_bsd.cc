// socket_bsd.cc: what macOS and the BSDs have in a form of their own. macOS has no flag for any of
// it (SOCK_NONBLOCK, accept4), so a socket is dressed after it was made, and a child that is forked
// and executed in between has it; the BSDs have them.
#include <fcntl.h>
#include <netinet/tcp.h>

#include "os/socket_address.h"
#include "os/socket_call_posix.h"

namespace sluice::os {
namespace {

// What an accepted socket inherits from its listener differs from system to system, so nothing is
// relied on.
outcome dress(native_handle socket) noexcept {
  for (const outcome done :
       {make_non_blocking(socket), make_close_on_exec(socket), forbid_sigpipe(socket)}) {
    if (!done.ok()) return done;
  }
  return outcome(socket);
}

// Closes what cannot be dressed.
outcome dressed_or_closed(native_handle socket) noexcept {
  const outcome done = dress(socket);
  if (!done.ok()) close_handle(socket);
  return done;
}

// An option that the socket may not have counts as `otherwise`.
int option_or(native_handle handle, int level, int name, int otherwise) noexcept {
  int value = 0;
  socklen_t size = sizeof(value);
  const outcome asked =
      counted(call::other, [&] { return ::getsockopt(handle, level, name, &value, &size); });
  return asked.ok() ? value : otherwise;
}

// macOS does not say of what domain a socket is, but its own name does, bound or not.
net::address::family family_of(native_handle handle) noexcept {
  raw_address own;
  const outcome asked =
      counted(call::other, [&] { return ::getsockname(handle, &own.any, &own.size); });
  if (!asked.ok()) return net::address::family::none;
  switch (own.any.sa_family) {
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

// Whether the poller can be told of an urgent byte, in front of which a read ends short: kqueue's
// EVFILT_EXCEPT, which FreeBSD and NetBSD lack. Without it a short read proves nothing.
constexpr bool urgent_bytes_are_reported =
#if defined(__APPLE__) || defined(__OpenBSD__)
    true;
#else
    false;
#endif

}  // namespace

outcome open_stream(net::address::family family) noexcept {
  const int domain = domain_of(family);
#ifdef SOCK_NONBLOCK
  return counted(call::other,
                 [&] { return ::socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); });
#else
  const outcome made = counted(call::other, [&] { return ::socket(domain, SOCK_STREAM, 0); });
  return made.ok() ? dressed_or_closed(made.handle()) : made;
#endif
}

outcome accept(native_handle listener, net::address& peer) noexcept {
  raw_address raw;
  const outcome taken = counted(call::accept, [&] {
    raw.size = sizeof(raw.local);
#ifdef SOCK_NONBLOCK
    return ::accept4(listener, &raw.any, &raw.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    return ::accept(listener, &raw.any, &raw.size);
#endif
  });
#ifndef SOCK_NONBLOCK
  // macOS: no option can be set on a connection that is reset already.
  if (taken.ok() && !dressed_or_closed(taken.handle()).ok()) return outcome(-ECONNABORTED);
#endif
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
  traits.family = family_of(handle);
  traits.is_stream = type == SOCK_STREAM;
  traits.is_listening = option_or(handle, SOL_SOCKET, SO_ACCEPTCONN, 0) != 0;
  // Another stream protocol of the internet (SCTP) has no such option.
  const bool is_tcp = traits.is_stream && option_or(handle, IPPROTO_TCP, TCP_NODELAY, -1) >= 0;
  traits.short_read_drains =
      urgent_bytes_are_reported && is_tcp && option_or(handle, SOL_SOCKET, SO_RCVLOWAT, 0) == 1;
  return traits;
}

outcome forbid_sigpipe([[maybe_unused]] native_handle socket) noexcept {
#ifdef SO_NOSIGPIPE
  const int yes = 1;
  return counted(call::other,
                 [&] { return ::setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof(yes)); });
#else
  return outcome(0);  // each send says so itself
#endif
}

// accept(2): the connection was reset before it was taken, or the network was in trouble.
bool outcome::is_passing() const noexcept {
  switch (-value_) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace sluice::os
