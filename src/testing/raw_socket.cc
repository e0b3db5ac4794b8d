#include "testing/raw_socket.h"

#include <utility>

namespace sluice::testing {

raw_socket::raw_socket(raw_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

raw_socket& raw_socket::operator=(raw_socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

int raw_socket::release() noexcept { return std::exchange(fd_, -1); }

}  // namespace sluice::testing
