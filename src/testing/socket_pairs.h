// socket_pairs.h: connected sockets for tests of pollers, closed again at the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "os/handle.h"

namespace sluice::rt {

// An open socket; closed at the end, if not before.
class test_socket {
 public:
  explicit test_socket(os::native_handle handle) noexcept : handle_(handle) {}
  test_socket(test_socket&& other) noexcept
      : handle_(std::exchange(other.handle_, os::no_handle)) {}
  test_socket& operator=(test_socket&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~test_socket() { close(); }

  [[nodiscard]] os::native_handle get() const noexcept { return handle_; }
  void close() noexcept;

  // How many bytes went; 0 when it would block.
  std::size_t send(std::string_view text) const;
  void send_urgent(char byte) const;
  void shut_down_writing() const;
  // Closes it so that the peer sees a reset, not an end.
  void reset();
  // Reads until there is nothing left; returns what there was.
  std::string drain() const;
  // Writes until it would block; returns how many bytes went.
  std::size_t fill() const;

 private:
  os::native_handle handle_;
};

struct socket_pair {
  test_socket watched;
  test_socket peer;
};

// Both are connected and non-blocking. The local one is the cheapest that the system has.
[[nodiscard]] socket_pair make_local_pair();
[[nodiscard]] socket_pair make_tcp_pair();
// An open plain file without a name.
[[nodiscard]] test_socket make_plain_file();

}  // namespace sluice::rt
