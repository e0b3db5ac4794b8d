// resolve.h: which addresses a text means. Pure: numbers, "localhost" and the empty host only;
// host names wait for the resolver.
#pragma once

#include <string_view>
#include <vector>

#include "sluice/net/address.h"

namespace sluice::net {

// What the addresses are for: an empty host means every interface to a listener, and this machine
// to a dialer.
enum class purpose : std::uint8_t { listen, dial };

struct endpoint {
  address where;
  // Only this IP version, even where the socket could serve both.
  bool one_family = false;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

// Returns  the addresses to try, in order; never empty.
// Errors   errc::invalid_address, errc::name_lookup, without context.
[[nodiscard]] result<std::vector<endpoint>> resolve(network net, std::string_view text,
                                                    purpose why);

}  // namespace sluice::net
