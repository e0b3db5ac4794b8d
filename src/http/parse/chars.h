// chars.h: the character classes of RFC 9110 and RFC 3986, and ASCII case.
//
// Rejected: <cctype>, which depends on the locale and is undefined for negative chars.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http::parse {

enum char_class : std::uint8_t {
  is_token = 1,   // tchar: methods, header names
  is_text = 2,    // field values: tab, space, visible, and bytes above 0x7f
  is_target = 4,  // visible ASCII: what may stand in a request target at all
  is_host = 8,    // reg-name without its escapes: unreserved and sub-delims
  is_digit = 16,
  is_hex = 32,
  is_path = 64,  // pchar and '/': needs no escape in the path of a Location
};

namespace detail {

constexpr bool alphabetic(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool decimal(int c) { return c >= '0' && c <= '9'; }
constexpr bool one_of(int c, std::string_view set) {
  return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
}

constexpr std::uint8_t classify(int c) {
  const bool word = alphabetic(c) || decimal(c);
  const bool host = word || one_of(c, "-._~!$&'()*+,;=");
  int bits = 0;
  if (word || one_of(c, "!#$%&'*+-.^_`|~")) bits |= is_token;
  if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= is_text;
  if (c > 0x20 && c < 0x7f) bits |= is_target;
  if (host) bits |= is_host;
  if (decimal(c)) bits |= is_digit;
  if (decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= is_hex;
  if (host || one_of(c, ":@/%")) bits |= is_path;
  return static_cast<std::uint8_t>(bits);
}

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) classes[static_cast<std::size_t>(c)] = classify(c);
  return classes;
}

inline constexpr std::array<std::uint8_t, 256> classes = make_classes();

}  // namespace detail

constexpr bool is(char c, char_class wanted) noexcept {
  return (detail::classes[static_cast<unsigned char>(c)] & wanted) != 0;
}

constexpr bool all(std::string_view text, char_class wanted) noexcept {
  return std::all_of(text.begin(), text.end(), [wanted](char c) { return is(c, wanted); });
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Returns  whether both are equal but for the case of ASCII letters.
constexpr bool equal_fold(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

// Returns  `text` without spaces and tabs (OWS) at both ends.
constexpr std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Returns  the value of a hexadecimal digit; only for characters of class is_hex.
constexpr unsigned hex_value(char c) noexcept {
  return is(c, is_digit) ? static_cast<unsigned>(c - '0')
                         : static_cast<unsigned>(lower(c) - 'a') + 10U;
}

}  // namespace sluice::http::parse
