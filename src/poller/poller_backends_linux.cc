#include "poller/poller_backends.h"

#include <array>

namespace sluice::rt {

std::span<const poller_backend> poller_backends() noexcept {
  static constexpr std::array<poller_backend, 2> all = {
      {{"epoll", make_poller_epoll}, {"io_uring", make_poller_uring}}};
  return all;
}

}  // namespace sluice::rt
