// socket_address.h: net::address as the system calls take it. For os/ only.
#pragma once

#if defined(_WIN32)
#include <winsock2.h>
// After winsock2.h, which they need.
#include <afunix.h>
#include <ws2tcpip.h>
#else
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#endif

#include "sluice/net/address.h"

namespace sluice::os {

struct raw_address {
  union {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
    sockaddr_un local;
  };
  socklen_t size = 0;

  // An empty one, to be filled by the system.
  raw_address() noexcept;
  // Precondition: `from` is an address, and its path is short enough.
  explicit raw_address(const net::address& from) noexcept;

  [[nodiscard]] net::address decode() const;
};

[[nodiscard]] int domain_of(net::address::family family) noexcept;

}  // namespace sluice::os
