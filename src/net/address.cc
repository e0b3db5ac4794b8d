#include "sluice/net/address.h"

#include <algorithm>
#include <ostream>

#include "net/ip_text.h"

namespace sluice::net {

address address::make_ipv4(const ipv4_bytes& ip, std::uint16_t port) {
  address made;
  made.family_ = family::ipv4;
  made.port_ = port;
  std::copy(ip.begin(), ip.end(), made.ip_.begin());
  return made;
}

address address::make_ipv6(const ipv6_bytes& ip, std::uint16_t port, std::uint32_t scope) {
  address made;
  made.family_ = family::ipv6;
  made.port_ = port;
  made.scope_ = scope;
  made.ip_ = ip;
  return made;
}

address address::make_local(std::string_view path) {
  address made;
  made.family_ = family::path;
  made.path_ = path;
  return made;
}

result<address> address::parse(std::string_view text) {
  const auto split = split_host_port(text);
  if (!split) return std::unexpected(error(errc::invalid_address));
  if (!split->bracketed) {
    if (const auto v4 = parse_ipv4(split->host)) return make_ipv4(*v4, split->port);
    return std::unexpected(error(errc::invalid_address));
  }
  const std::size_t percent = split->host.find('%');
  std::uint32_t scope = 0;
  if (percent != std::string_view::npos) {
    const auto number = parse_number(split->host.substr(percent + 1), 0x7fffffff);
    if (!number) return std::unexpected(error(errc::invalid_address));
    scope = *number;
  }
  const auto v6 = parse_ipv6(split->host.substr(0, percent));
  if (!v6) return std::unexpected(error(errc::invalid_address));
  return make_ipv6(*v6, split->port, scope);
}

address address::with_port(std::uint16_t port) const {
  address copy(*this);
  copy.port_ = port;
  return copy;
}

bool address::is_unspecified() const noexcept {
  return is_ip() &&
         std::all_of(ip_.begin(), ip_.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string address::to_string() const {
  switch (family_) {
    case family::none:
      return {};
    case family::ipv4:
      return format_ipv4(ip_.data()) + ":" + std::to_string(port_);
    case family::ipv6: {
      std::string text = "[" + format_ipv6(ip_);
      if (scope_ != 0) text += "%" + std::to_string(scope_);
      return text + "]:" + std::to_string(port_);
    }
    case family::path:
      return path_;
  }
  return {};
}

std::ostream& operator<<(std::ostream& out, const address& a) { return out << a.to_string(); }

}  // namespace sluice::net
