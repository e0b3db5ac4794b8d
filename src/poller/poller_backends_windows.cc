#include "poller/poller_backends.h"

#include <array>

namespace sluice::rt {

std::span<const poller_backend> poller_backends() noexcept {
  static constexpr std::array<poller_backend, 1> all = {{{"iocp", make_poller_iocp}}};
  return all;
}

}  // namespace sluice::rt
