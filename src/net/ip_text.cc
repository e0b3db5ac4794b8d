#include "net/ip_text.h"

#include <algorithm>
#include <charconv>

namespace sluice::net {
namespace {

std::optional<std::uint16_t> parse_group(std::string_view text) noexcept {
  if (text.empty() || text.size() > 4) return std::nullopt;
  std::uint16_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Up to eight groups as they stand between two colons; the last may be a dotted IPv4 address.
struct groups {
  std::array<std::uint16_t, 8> values{};
  std::size_t size = 0;

  [[nodiscard]] bool push(std::uint16_t value) noexcept {
    if (size == values.size()) return false;
    values[size++] = value;
    return true;
  }
  [[nodiscard]] bool push_ipv4(std::string_view text) noexcept {
    const auto v4 = parse_ipv4(text);
    return v4 && push(static_cast<std::uint16_t>((*v4)[0] << 8 | (*v4)[1])) &&
           push(static_cast<std::uint16_t>((*v4)[2] << 8 | (*v4)[3]));
  }
  // Reads "a:b:c"; the empty text is no group.
  [[nodiscard]] bool parse(std::string_view text, bool may_end_in_ipv4) noexcept {
    while (!text.empty()) {
      const std::size_t colon = text.find(':');
      const std::string_view group = text.substr(0, colon);
      const bool last = colon == std::string_view::npos;
      if (last && may_end_in_ipv4 && group.find('.') != std::string_view::npos) {
        return push_ipv4(group);
      }
      const auto value = parse_group(group);
      if (!value || !push(*value)) return false;
      if (last) return true;
      text.remove_prefix(colon + 1);
      if (text.empty()) return false;
    }
    return true;
  }
};

// The first longest run of at least two zero groups.
struct zero_run {
  std::size_t begin = 8;
  std::size_t size = 1;
};
zero_run longest_zero_run(const std::array<std::uint16_t, 8>& values) noexcept {
  zero_run best;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i;
    while (end < values.size() && values[end] == 0) ++end;
    if (end - i > best.size) best = {i, end - i};
    i = end + 1;
  }
  return best;
}

}  // namespace

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t limit) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value > limit) {
    return std::nullopt;
  }
  return value;
}

std::optional<address::ipv4_bytes> parse_ipv4(std::string_view text) noexcept {
  address::ipv4_bytes bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const auto number = parse_number(text.substr(0, dot), 255);
    if (!number) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(*number);
    text.remove_prefix(i == 3 ? text.size() : dot + 1);
  }
  return bytes;
}

std::optional<address::ipv6_bytes> parse_ipv6(std::string_view text) noexcept {
  groups head;
  groups tail;
  const std::size_t gap = text.find("::");
  const bool shortened = gap != std::string_view::npos;
  if (!head.parse(text.substr(0, gap), !shortened)) return std::nullopt;
  if (shortened && !tail.parse(text.substr(gap + 2), true)) return std::nullopt;
  const std::size_t known = head.size + tail.size;
  if (shortened ? known > 7 : known != 8) return std::nullopt;

  std::array<std::uint16_t, 8> values{};
  std::copy_n(head.values.begin(), head.size, values.begin());
  std::copy_n(tail.values.begin(), tail.size,
              values.end() - static_cast<std::ptrdiff_t>(tail.size));
  address::ipv6_bytes bytes{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>(values[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>(values[i]);
  }
  return bytes;
}

std::string format_ipv4(const std::uint8_t* bytes) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    if (i != 0) text += '.';
    text += std::to_string(bytes[i]);
  }
  return text;
}

std::string format_ipv6(const address::ipv6_bytes& bytes) {
  std::array<std::uint16_t, 8> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  const bool mapped =
      std::all_of(values.begin(), values.begin() + 5, [](auto v) { return v == 0; });
  if (mapped && values[5] == 0xffff) return "::ffff:" + format_ipv4(bytes.data() + 12);

  const zero_run run = longest_zero_run(values);
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == run.begin) {
      text += "::";
      i += run.size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    char digits[4];
    const auto end = std::to_chars(digits, digits + sizeof(digits), values[i], 16).ptr;
    text.append(digits, end);
  }
  return text;
}

std::optional<host_port> split_host_port(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number(text.substr(colon + 1), 65535);
  if (!port) return std::nullopt;
  host_port split{text.substr(0, colon), static_cast<std::uint16_t>(*port), false};
  if (split.host.starts_with('[')) {
    if (split.host.size() < 2 || !split.host.ends_with(']')) return std::nullopt;
    split.host = split.host.substr(1, split.host.size() - 2);
    split.bracketed = true;
  } else if (split.host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  return split;
}

}  // namespace sluice::net
