// ip_text.h: IP addresses as text, without the system's help: inet_pton takes no view, and would
// bring the system's headers up here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/net/address.h"

namespace sluice::net {

// Exactly four decimal numbers up to 255, without leading zeros (which some read as octal).
[[nodiscard]] std::optional<address::ipv4_bytes> parse_ipv4(std::string_view text) noexcept;

// RFC 4291 section 2.2, without a scope.
[[nodiscard]] std::optional<address::ipv6_bytes> parse_ipv6(std::string_view text) noexcept;

[[nodiscard]] std::string format_ipv4(const std::uint8_t* bytes);

// RFC 5952: lower case, the first longest run of zero groups shortened.
[[nodiscard]] std::string format_ipv6(const address::ipv6_bytes& bytes);

// A decimal number without sign or leading zeros, up to `limit`.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view text,
                                                        std::uint32_t limit) noexcept;

// "host:port" cut at the last colon, brackets taken off; nothing if it does not have that form.
struct host_port {
  std::string_view host;
  std::uint16_t port = 0;
  bool bracketed = false;
};
[[nodiscard]] std::optional<host_port> split_host_port(std::string_view text) noexcept;

}  // namespace sluice::net
