// stream_transport.h: a socket, or an in-memory pipe, as a transport.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "http/transport.h"

namespace sluice::http {

template <class Stream>
class stream_transport final : public transport {
 public:
  // `carrier` must outlive the transport.
  explicit stream_transport(Stream& carrier) noexcept : carrier_(carrier) {}

  result<io::chunk> receive() override { return carrier_.receive(); }
  result<std::size_t> read(std::span<std::byte> buffer) override { return carrier_.read(buffer); }

  result<void> write(std::string_view first, std::string_view second) override {
    const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
    if (second.empty()) return outcome(carrier_.write(bytes(first)));
    if (first.empty()) return outcome(carrier_.write(bytes(second)));
    const std::array<std::span<const std::byte>, 2> both{bytes(first), bytes(second)};
    return outcome(carrier_.writev(both));
  }

  void set_read_deadline(deadline until) override { (void)carrier_.set_read_deadline(until); }
  void set_write_deadline(deadline until) override { (void)carrier_.set_write_deadline(until); }
  void shutdown_write() override { (void)carrier_.shutdown_write(); }

 private:
  static result<void> outcome(const result<std::size_t>& written) {
    if (!written) return std::unexpected(written.error());
    return {};
  }

  Stream& carrier_;
};

}  // namespace sluice::http
