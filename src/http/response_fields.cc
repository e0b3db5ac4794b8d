#include "http/response_fields.h"

#include <charconv>
#include <stdexcept>

#include "http/parse/chars.h"

namespace sluice::http {
namespace {

using parse::equal_fold;

void check_line(std::string_view name, std::string_view value) {
  if (name.empty() || !parse::all(name, parse::is_token)) {
    throw std::invalid_argument("http: malformed header name");
  }
  if (!parse::all(value, parse::is_text)) {
    throw std::invalid_argument("http: control character in the value of header " +
                                std::string(name));
  }
}

std::uint64_t parse_length(std::string_view value) {
  std::uint64_t length = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, length);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    throw std::invalid_argument("http: malformed Content-Length");
  }
  return length;
}

}  // namespace

void response_fields::clear() noexcept {
  text_.clear();
  lines_.clear();
  content_length_.reset();
  close_ = date_ = false;
}

void response_fields::set(std::string_view name, std::string_view value) {
  check_line(name, value);
  drop(name);
  if (!take_special(name, value)) put(name, value);
}

void response_fields::add(std::string_view name, std::string_view value) {
  check_line(name, value);
  if (!take_special(name, value)) put(name, value);
}

void response_fields::default_type(std::string_view type) {
  if (!has("content-type")) put("Content-Type", type);
}

void response_fields::put(std::string_view name, std::string_view value) {
  const std::size_t from = text_.size();
  text_.append(name).append(": ").append(value).append("\r\n");
  lines_.push_back({from, name.size(), text_.size() - from, false});
}

bool response_fields::has(std::string_view name) const noexcept {
  for (const line& one : lines_) {
    if (!one.dropped && equal_fold(name_of(one), name)) return true;
  }
  return false;
}

// What the framing depends on is kept apart. Returns whether it was that.
bool response_fields::take_special(std::string_view name, std::string_view value) {
  if (equal_fold(name, "content-length")) {
    content_length_ = parse_length(value);
    return true;
  }
  if (equal_fold(name, "connection")) {
    if (equal_fold(value, "close")) {
      close_ = true;
    } else if (!equal_fold(value, "keep-alive")) {
      throw std::invalid_argument("http: Connection can only be close or keep-alive");
    }
    return true;
  }
  if (equal_fold(name, "transfer-encoding")) {
    throw std::invalid_argument("http: the server decides on Transfer-Encoding");
  }
  if (equal_fold(name, "date")) date_ = true;
  return false;
}

void response_fields::drop(std::string_view name) noexcept {
  for (line& one : lines_) {
    if (equal_fold(name_of(one), name)) one.dropped = true;
  }
}

std::string_view response_fields::name_of(const line& one) const noexcept {
  return std::string_view(text_).substr(one.from, one.name_size);
}

void response_fields::append_to(std::string& out) const {
  for (const line& one : lines_) {
    if (!one.dropped) out.append(text_, one.from, one.size);
  }
}

}  // namespace sluice::http
