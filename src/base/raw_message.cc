#include "base/raw_message.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice {

raw_message& raw_message::add(std::string_view text) noexcept {
  const std::size_t taken = std::min(text.size(), room().size());
  std::memcpy(room().data(), text.data(), taken);
  used_ += taken;
  return *this;
}

raw_message& raw_message::add(std::uint64_t number) noexcept {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  return add(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

void raw_message::take(std::size_t bytes) noexcept { used_ += std::min(bytes, room().size()); }

void raw_message::print() noexcept {
  // Windows counts in 32 bits here.
  [[maybe_unused]] const auto written = ::write(2, buffer_, static_cast<unsigned>(used_));
}

}  // namespace sluice
