#include "testing/socket_pairs.h"

namespace sluice::rt {

void test_socket::close() noexcept {
  if (handle_ != os::no_handle) os::close_handle(std::exchange(handle_, os::no_handle));
}

std::size_t test_socket::fill() const {
  const std::string block(4096, 'x');
  std::size_t all = 0;
  for (std::size_t sent = send(block); sent > 0; sent = send(block)) all += sent;
  return all;
}

}  // namespace sluice::rt
