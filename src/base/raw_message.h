// raw_message.h: a line for the standard error, by one write, without allocation and stdio: for
// signal handlers and for programs that are about to end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {

class raw_message {
 public:
  // What has no room is cut off.
  raw_message& add(std::string_view text) noexcept;
  raw_message& add(std::uint64_t number) noexcept;
  // What is still free, for who writes into it; then take() says how much.
  [[nodiscard]] std::span<char> room() noexcept { return std::span(buffer_).subspan(used_); }
  void take(std::size_t bytes) noexcept;
  void print() noexcept;

 private:
  char buffer_[512];
  std::size_t used_ = 0;
};

}  // namespace sluice
