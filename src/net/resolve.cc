#include "net/resolve.h"

#include <algorithm>

#include "net/ip_text.h"

namespace sluice::net {
namespace {

// sun_path holds 108 bytes, the last of them a zero.
constexpr std::size_t longest_local_path = 107;

constexpr address::ipv4_bytes loopback4{127, 0, 0, 1};
constexpr address::ipv6_bytes loopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

using endpoints = std::vector<endpoint>;

std::unexpected<error> refuse(errc why) { return std::unexpected(error(why)); }

result<endpoints> resolve_local(std::string_view text) {
  const bool abstract = text.starts_with('@');
  if (text.size() < (abstract ? 2U : 1U) || text.size() > longest_local_path ||
      text.find('\0') != std::string_view::npos) {
    return refuse(errc::invalid_address);
  }
  return endpoints{{address::make_local(text), true}};
}

// The addresses of every interface. One IPv6 socket serves both versions; where there is no IPv6,
// IPv4 alone comes next.
endpoints all_interfaces(network::kind which, std::uint16_t port) {
  endpoints found;
  if (which != network::kind::tcp4) {
    found.push_back({address::make_ipv6({}, port), which == network::kind::tcp6});
  }
  if (which != network::kind::tcp6) found.push_back({address::make_ipv4({}, port), true});
  return found;
}

endpoints this_machine(network::kind which, std::uint16_t port) {
  endpoints found;
  if (which != network::kind::tcp6) found.push_back({address::make_ipv4(loopback4, port), true});
  if (which != network::kind::tcp4) found.push_back({address::make_ipv6(loopback6, port), true});
  return found;
}

// Digits and dots only, or with a colon: meant as a number, and wrong.
bool looks_numeric(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos ||
         host.find(':') != std::string_view::npos;
}

}  // namespace

result<endpoints> resolve(network net, std::string_view text, purpose why) {
  const network::kind which = net.which();
  if (which == network::kind::local) return resolve_local(text);

  const auto split = split_host_port(text);
  if (!split) return refuse(errc::invalid_address);
  if (split->host.empty() && !split->bracketed) {
    return why == purpose::listen ? all_interfaces(which, split->port)
                                  : this_machine(which, split->port);
  }
  if (split->host == "localhost" && !split->bracketed) return this_machine(which, split->port);

  const auto literal = address::parse(text);
  if (!literal) {
    const bool number = split->bracketed || looks_numeric(split->host);
    return refuse(number ? errc::invalid_address : errc::name_lookup);
  }
  const bool is_ipv4 = literal->which() == address::family::ipv4;
  if (which == (is_ipv4 ? network::kind::tcp6 : network::kind::tcp4)) {
    return refuse(errc::invalid_address);
  }
  const bool both = why == purpose::listen && !is_ipv4 && literal->is_unspecified() &&
                    which == network::kind::tcp;
  return endpoints{{*literal, !both}};
}

}  // namespace sluice::net
