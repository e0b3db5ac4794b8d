#include <array>

#include "poller/poller_backends.h"

namespace sluice::rt {

std::span<const poller_backend> poller_backends() noexcept {
  static constexpr std::array<poller_backend, 1> all = {{{"kqueue", make_poller_kqueue}}};
  return all;
}

}  // namespace sluice::rt
