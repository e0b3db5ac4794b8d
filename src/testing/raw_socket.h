// raw_socket.h: the other side of a connection, by the system's own blocking calls: it does what no
// stream of ours does (urgent bytes, resets), and its system calls are not counted as the
// library's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sluice/net/address.h"

namespace sluice::testing {

class raw_socket {
 public:
  raw_socket() = default;
  explicit raw_socket(int fd) noexcept : fd_(fd) {}
  raw_socket(raw_socket&& other) noexcept;
  raw_socket& operator=(raw_socket&& other) noexcept;
  ~raw_socket() { close(); }

  // All of them end the test program with a sentence when the system refuses.
  [[nodiscard]] static raw_socket connect(const net::address& where);
  // Begins a connect and does not wait for it.
  [[nodiscard]] static raw_socket begin_connect(const net::address& where);
  // The connect has come through.
  [[nodiscard]] bool is_connected() const;

  void send(std::string_view data) const;
  // Keeps the data back until the next send or the end goes out with it, where the system can.
  void send_with_what_follows(std::string_view data) const;
  void send_urgent(char byte) const;
  // Exactly `count` bytes, less at the end of the stream.
  [[nodiscard]] std::string receive(std::size_t count) const;
  void shutdown_write() const;
  // Closes with a reset instead of an end.
  void reset();
  void close() noexcept;
  [[nodiscard]] int release() noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

// Sends until the system takes no more without waiting.
void send_until_full(int fd);
// A child does not inherit it.
[[nodiscard]] bool is_close_on_exec(int fd);
[[nodiscard]] bool is_no_delay(int fd);
[[nodiscard]] bool is_open(int fd);

}  // namespace sluice::testing
