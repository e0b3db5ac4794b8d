#include "os/socket_address.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "os/socket.h"

namespace sluice::os {
namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

sockaddr_in encode_ipv4(const net::address& from) noexcept {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(from.port());
  std::memcpy(&raw.sin_addr, from.ip().data(), sizeof(raw.sin_addr));
  return raw;
}

sockaddr_in6 encode_ipv6(const net::address& from) noexcept {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(from.port());
  raw.sin6_scope_id = from.scope();
  std::memcpy(&raw.sin6_addr, from.ip().data(), sizeof(raw.sin6_addr));
  return raw;
}

}  // namespace

raw_address::raw_address() noexcept {
  std::memset(static_cast<void*>(&local), 0, sizeof(local));
  size = sizeof(local);
}

raw_address::raw_address(const net::address& from) noexcept : raw_address() {
  switch (from.which()) {
    case net::address::family::none:
      any.sa_family = AF_UNSPEC;
      size = sizeof(any.sa_family);
      break;
    case net::address::family::ipv4:
      ipv4 = encode_ipv4(from);
      size = sizeof(ipv4);
      break;
    case net::address::family::ipv6:
      ipv6 = encode_ipv6(from);
      size = sizeof(ipv6);
      break;
    case net::address::family::path: {
      const std::string& path = from.path();
      const std::size_t length = std::min(path.size(), sizeof(local.sun_path) - 1);
      local.sun_family = AF_UNIX;
      std::memcpy(local.sun_path, path.data(), length);
      const bool abstract = path.starts_with('@');
      if (abstract) local.sun_path[0] = '\0';
      // An abstract name is all the bytes of the size; a path ends in a zero, which counts.
      size = static_cast<socklen_t>(path_offset + length + (abstract ? 0 : 1));
      break;
    }
  }
}

net::address raw_address::decode() const {
  if (any.sa_family == AF_INET) {
    net::address::ipv4_bytes ip{};
    std::memcpy(ip.data(), &ipv4.sin_addr, ip.size());
    return net::address::make_ipv4(ip, ntohs(ipv4.sin_port));
  }
  if (any.sa_family == AF_INET6) {
    net::address::ipv6_bytes ip{};
    std::memcpy(ip.data(), &ipv6.sin6_addr, ip.size());
    return net::address::make_ipv6(ip, ntohs(ipv6.sin6_port), ipv6.sin6_scope_id);
  }
  if (any.sa_family != AF_UNIX) return {};
  const auto whole = static_cast<std::size_t>(size);
  const std::size_t length = whole > path_offset ? whole - path_offset : 0;
  std::string path(local.sun_path, std::min(length, sizeof(local.sun_path)));
#ifdef __linux__
  const bool is_abstract = path.starts_with('\0');
#else
  const bool is_abstract = false;  // no name is told as an empty one of full length
#endif
  if (is_abstract) {
    path[0] = '@';
  } else {
    path.resize(std::strlen(path.c_str()));
  }
  return net::address::make_local(path);
}

address_buffer encode_address(const net::address& from) noexcept {
  const raw_address raw(from);
  address_buffer made;
  static_assert(sizeof(raw.local) <= sizeof(made.bytes));
  std::memcpy(made.bytes.data(), &raw.any, static_cast<std::size_t>(raw.size));
  made.size = static_cast<std::uint32_t>(raw.size);
  return made;
}

net::address decode_address(const address_buffer& from) {
  raw_address raw;
  const std::size_t size = std::min<std::size_t>(from.size, sizeof(raw.local));
  raw.size = static_cast<socklen_t>(size);
  std::memcpy(static_cast<void*>(&raw.local), from.bytes.data(), size);
  return raw.decode();
}

int domain_of(net::address::family family) noexcept {
  switch (family) {
    case net::address::family::ipv4:
      return AF_INET;
    case net::address::family::ipv6:
      return AF_INET6;
    case net::address::family::path:
      return AF_UNIX;
    case net::address::family::none:
      break;
  }
  return AF_UNSPEC;
}

}  // namespace sluice::os
