// address.h: where a socket is: IPv4 or IPv6 with a port, or a local (Unix) path. Numeric only:
// parsing never looks anything up, so it never blocks.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include "sluice/error.h"

namespace sluice::net {

// Which kind of socket a listen or a dial is about. The constants below are all there are.
class network {
 public:
  enum class kind : std::uint8_t { tcp, tcp4, tcp6, local };

  constexpr network(kind which, const char* name) noexcept : kind_(which), name_(name) {}
  [[nodiscard]] constexpr kind which() const noexcept { return kind_; }
  // Returns  the name that errors use: "tcp", "tcp4", "tcp6" or "local".
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }

  friend constexpr bool operator==(const network& a, const network& b) noexcept {
    return a.kind_ == b.kind_;
  }

 private:
  kind kind_;
  const char* name_;
};

// TCP over whichever IP version the address asks for.
inline constexpr network tcp{network::kind::tcp, "tcp"};
// TCP over IPv4 only, over IPv6 only.
inline constexpr network tcp4{network::kind::tcp4, "tcp4"};
inline constexpr network tcp6{network::kind::tcp6, "tcp6"};
// Unix stream sockets; never called `unix`, which is a macro of some compilers.
inline constexpr network local{network::kind::local, "local"};

// A regular type: the address of one end of a connection.
class address {
 public:
  enum class family : std::uint8_t { none, ipv4, ipv6, path };
  using ipv4_bytes = std::array<std::uint8_t, 4>;
  using ipv6_bytes = std::array<std::uint8_t, 16>;

  // No address: family::none, prints as "".
  address() = default;

  // Units: bytes in network order; the port in host order.
  [[nodiscard]] static address make_ipv4(const ipv4_bytes& ip, std::uint16_t port);
  [[nodiscard]] static address make_ipv6(const ipv6_bytes& ip, std::uint16_t port,
                                         std::uint32_t scope = 0);
  // A path, or "@name" for a name that is in no file system (Linux). "": an unnamed socket.
  [[nodiscard]] static address make_local(std::string_view path);

  // Reads "1.2.3.4:80", "[::1]:80" or "[fe80::1%2]:80" (a numeric scope).
  //
  //   Returns  the address.
  //   Blocks   never.
  //   Errors   errc::invalid_address   anything else, names included
  //   Threads  any.
  //   Units    the port is decimal, 0 to 65535.
  //   Source   RFC 4291 section 2.2, RFC 6874 without names.
  [[nodiscard]] static result<address> parse(std::string_view text);

  [[nodiscard]] family which() const noexcept { return family_; }
  [[nodiscard]] bool is_ip() const noexcept {
    return family_ == family::ipv4 || family_ == family::ipv6;
  }
  // Returns  the port, 0 for local addresses.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] address with_port(std::uint16_t port) const;
  // Returns  the IP: the first 4 bytes for IPv4, all 16 for IPv6.
  [[nodiscard]] const ipv6_bytes& ip() const noexcept { return ip_; }
  [[nodiscard]] std::uint32_t scope() const noexcept { return scope_; }
  // Returns  the path of a local address, with a leading '@' for abstract names.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Returns  whether it stands for every interface: 0.0.0.0 or ::.
  [[nodiscard]] bool is_unspecified() const noexcept;

  // Returns  what parse() reads, IPv6 in the canonical form of RFC 5952; a local address's path.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const address&, const address&) = default;
  friend std::ostream& operator<<(std::ostream& out, const address& a);

 private:
  family family_ = family::none;
  std::uint16_t port_ = 0;
  std::uint32_t scope_ = 0;
  ipv6_bytes ip_{};
  std::string path_;
};

}  // namespace sluice::net
