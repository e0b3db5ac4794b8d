#include "http/parse/target.h"

#include <cstddef>

#include "http/parse/chars.h"

namespace sluice::http::parse {
namespace {

constexpr auto npos = std::string_view::npos;

// The character that `text` starts with, its escape resolved; `size` gets how many bytes it takes.
char first_decoded(std::string_view text, std::size_t& size) noexcept {
  if (text[0] != '%') {
    size = 1;
    return text[0];
  }
  size = 3;
  return static_cast<char>(hex_value(text[1]) * 16 + hex_value(text[2]));
}

rejection split_origin(request_head& head, std::string_view origin) noexcept {
  const std::size_t question = origin.find('?');
  head.path = origin.substr(0, question);
  head.query = question == npos ? std::string_view() : origin.substr(question + 1);
  if (head.path.empty()) head.path = "/";
  if (!valid_escapes(head.path)) return {400, "malformed escape in the path"};
  return {};
}

rejection split_absolute(request_head& head) noexcept {
  const std::size_t colon = head.target.find("://");
  const std::string_view scheme = head.target.substr(0, colon);
  if (colon == npos || (!equal_fold(scheme, "http") && !equal_fold(scheme, "https"))) {
    return {400, "malformed request target"};
  }
  const std::string_view rest = head.target.substr(colon + 3);
  const std::size_t end = rest.find_first_of("/?");
  head.form = target_form::absolute;
  head.authority = rest.substr(0, end);
  if (head.authority.empty() || !valid_authority(head.authority)) {
    return {400, "malformed authority in the request target"};
  }
  return split_origin(head, end == npos ? std::string_view() : rest.substr(end));
}

bool valid_port(std::string_view text) noexcept {
  if (!all(text, is_digit)) return false;
  unsigned port = 0;
  for (const char digit : text) {
    port = port * 10 + static_cast<unsigned>(digit - '0');
    if (port > 65535) return false;
  }
  return true;
}

// Inside of the brackets: an IPv6 address. Only its characters are checked, since nobody connects
// to it; a zone ("%eth0") has no meaning to anybody but its sender.
bool valid_literal(std::string_view text) noexcept {
  return text.find(':') != npos && text.find_first_not_of("0123456789abcdefABCDEF:.") == npos;
}

bool valid_name(std::string_view text) noexcept {
  for (const char c : text) {
    if (c != '%' && !is(c, is_host)) return false;
  }
  return valid_escapes(text);
}

// Where the next segment of `path` ends, which starts at `from`.
std::size_t segment_end(std::string_view path, std::size_t from) noexcept {
  const std::size_t slash = path.find('/', from);
  return slash == npos ? path.size() : slash;
}

bool is_dots(std::string_view segment) noexcept {
  return segment_equals(segment, ".") || segment_equals(segment, "..");
}

bool needs_cleaning(std::string_view path) noexcept {
  for (std::size_t from = 1; from < path.size();) {
    const std::size_t end = segment_end(path, from);
    const std::string_view segment = path.substr(from, end - from);
    if (segment.empty() || is_dots(segment)) return true;
    from = end + 1;
  }
  return false;
}

void append_escaped(std::string& out, std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : path) {
    if (is(c, is_path)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
}

}  // namespace

rejection split_target(request_head& head) noexcept {
  const std::string_view target = head.target;
  if (target.find('#') != npos) return {400, "fragment in the request target"};
  if (target[0] == '/') return split_origin(head, target);
  if (target[0] != '*') return split_absolute(head);
  if (target != "*" || head.method != "OPTIONS") return {400, "malformed request target"};
  head.form = target_form::asterisk;
  head.path = target;
  return {};
}

bool valid_authority(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == npos || !valid_literal(text.substr(1, close - 1))) return false;
    const std::string_view rest = text.substr(close + 1);
    return rest.empty() || (rest[0] == ':' && valid_port(rest.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (colon == npos) return valid_name(text);
  return colon != 0 && valid_name(text.substr(0, colon)) && valid_port(text.substr(colon + 1));
}

bool valid_escapes(std::string_view text) noexcept {
  for (std::size_t at = text.find('%'); at != npos; at = text.find('%', at + 3)) {
    if (text.size() - at < 3 || !is(text[at + 1], is_hex) || !is(text[at + 2], is_hex)) {
      return false;
    }
    if (text[at + 1] == '0' && text[at + 2] == '0') return false;
  }
  return true;
}

void append_decoded(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t size = 0;
    out += first_decoded(text, size);
    text.remove_prefix(size);
  }
}

void append_decoded_segments(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t size = 0;
    const char c = first_decoded(text, size);
    if (size == 3 && c == '/') {
      out += "%2F";
    } else {
      out += c;
    }
    text.remove_prefix(size);
  }
}

bool segment_equals(std::string_view segment, std::string_view literal) noexcept {
  for (const char wanted : literal) {
    std::size_t size = 0;
    if (segment.empty() || first_decoded(segment, size) != wanted) return false;
    segment.remove_prefix(size);
  }
  return segment.empty();
}

std::string escaped_path(std::string_view path) {
  std::string escaped;
  append_escaped(escaped, path);
  return escaped;
}

std::optional<std::string> cleaned_path(std::string_view path) {
  if (!needs_cleaning(path)) return std::nullopt;
  std::string clean;
  bool directory = false;  // whether the path ends in a slash, or in dots that stand for one
  for (std::size_t from = 1; from <= path.size();) {
    const std::size_t end = segment_end(path, from);
    const std::string_view segment = path.substr(from, end - from);
    directory = segment.empty() || is_dots(segment);
    if (segment_equals(segment, "..")) {
      const std::size_t parent = clean.rfind('/');
      clean.resize(parent == npos ? 0 : parent);
    } else if (!directory) {
      clean += '/';
      append_escaped(clean, segment);
    }
    from = end + 1;
  }
  if (directory || clean.empty()) clean += '/';
  return clean;
}

}  // namespace sluice::http::parse
