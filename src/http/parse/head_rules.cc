#include "http/parse/head_rules.h"

#include <charconv>
#include <cstddef>

#include "http/parse/chars.h"
#include "http/parse/target.h"

namespace sluice::http::parse {
namespace {

// The fields that decide about the message, collected in one pass.
struct special_fields {
  const field* host = nullptr;
  const field* length = nullptr;
  const field* coding = nullptr;
  const field* expect = nullptr;
  bool close = false;
  bool keep = false;
};

// Returns  whether `item` is among the comma-separated members of `list`.
bool lists(std::string_view list, std::string_view item) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equal_fold(trim(list.substr(0, comma)), item)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

rejection once(const field*& slot, const field& line, const char* reason) noexcept {
  if (slot != nullptr) return {400, reason};
  slot = &line;
  return {};
}

// By length first: nearly all lines are done with one comparison.
rejection note(special_fields& special, const field& line) noexcept {
  switch (line.name.size()) {
    case 4:
      if (equal_fold(line.name, "host")) return once(special.host, line, "repeated Host");
      break;
    case 6:
      if (equal_fold(line.name, "expect")) return once(special.expect, line, "repeated Expect");
      break;
    case 10:
      if (equal_fold(line.name, "connection")) {
        special.close = special.close || lists(line.value, "close");
        special.keep = special.keep || lists(line.value, "keep-alive");
      }
      break;
    case 14:
      if (equal_fold(line.name, "content-length")) {
        return once(special.length, line, "repeated Content-Length");
      }
      break;
    case 17:
      if (equal_fold(line.name, "transfer-encoding")) {
        return once(special.coding, line, "repeated Transfer-Encoding");
      }
      break;
    default:
      break;
  }
  return {};
}

rejection check_host(request_head& head, const field* host) noexcept {
  if (host == nullptr) {
    if (head.version_minor >= 1) return {400, "missing Host"};
    return {};
  }
  if (!valid_authority(host->value)) return {400, "malformed Host"};
  // RFC 9112 3.2.2: the authority of an absolute target replaces Host.
  if (head.form != target_form::absolute) head.authority = host->value;
  return {};
}

rejection check_coding(request_head& head, const special_fields& special) noexcept {
  const std::string_view coding = special.coding->value;
  if (head.version_minor == 0) return {400, "Transfer-Encoding in HTTP/1.0"};
  if (special.length != nullptr) return {400, "both Transfer-Encoding and Content-Length"};
  if (coding.empty()) return {400, "empty Transfer-Encoding"};
  if (!equal_fold(coding, "chunked")) {
    const std::size_t last = coding.rfind(',');
    if (last == std::string_view::npos) return {501, "unknown transfer coding"};
    if (lists(coding.substr(0, last), "chunked")) {
      return {400, "chunked is not the last transfer coding"};
    }
    return {501, "unknown transfer coding"};
  }
  head.body = framing::chunked;
  return {};
}

rejection check_length(request_head& head, std::string_view digits, const limits& bounds) noexcept {
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, head.content_length);
  if (digits.empty() || !all(digits, is_digit) || parsed.ec != std::errc() || parsed.ptr != end) {
    return {400, "malformed Content-Length"};
  }
  if (head.content_length > bounds.max_body) return {413, "body too large"};
  if (head.content_length != 0) head.body = framing::length;
  return {};
}

rejection check_expect(request_head& head, const field* expect) noexcept {
  if (expect == nullptr || head.version_minor == 0) return {};
  if (!equal_fold(expect->value, "100-continue")) return {417, "unknown expectation"};
  head.expect_continue = head.body != framing::none;
  return {};
}

}  // namespace

const field* find(const request_head& head, std::string_view name) noexcept {
  for (const field& line : head.fields) {
    if (equal_fold(line.name, name)) return &line;
  }
  return nullptr;
}

rejection apply_rules(request_head& head, const limits& bounds) noexcept {
  if (head.method == "CONNECT") return {501, "CONNECT is not supported"};
  special_fields special;
  for (const field& line : head.fields) {
    if (const rejection refused = note(special, line)) return refused;
  }
  if (const rejection refused = split_target(head)) return refused;
  if (const rejection refused = check_host(head, special.host)) return refused;
  if (special.coding != nullptr) {
    if (const rejection refused = check_coding(head, special)) return refused;
  } else if (special.length != nullptr) {
    if (const rejection refused = check_length(head, special.length->value, bounds)) return refused;
  }
  head.keep_alive = !special.close && (head.version_minor >= 1 || special.keep);
  return check_expect(head, special.expect);
}

}  // namespace sluice::http::parse
