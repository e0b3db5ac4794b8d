// request_head.h: a request head, parsed and checked. All views point into the parser's copy of the
// head and live until its next reset().
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/http_types.h"

namespace sluice::http::parse {

using field = header_field;

// RFC 9112 3.2. authority is not here: it belongs to CONNECT, which is refused.
enum class target_form : std::uint8_t {
  origin,    // /path?query
  absolute,  // http://host/path?query
  asterisk,  // *, for OPTIONS
};

enum class framing : std::uint8_t { none, length, chunked };

struct request_head {
  std::string_view method;
  std::string_view target;     // as sent
  std::string_view path;       // as sent, with its escapes; "*" in asterisk-form, never empty
  std::string_view query;      // without the '?'
  std::string_view authority;  // host and port: from an absolute target, else from Host
  target_form form = target_form::origin;
  int version_minor = 1;  // HTTP/1.0 or HTTP/1.1
  framing body = framing::none;
  std::uint64_t content_length = 0;  // only for framing::length
  bool keep_alive = true;            // what the client wishes
  bool expect_continue = false;
  std::vector<field> fields;  // in the order of arrival

  // Forgets everything but the room of the vector.
  void clear() noexcept {
    std::vector<field> room = std::move(fields);
    room.clear();
    *this = request_head{};
    fields = std::move(room);
  }
};

// Returns  the first field of that name, or nullptr.
const field* find(const request_head& head, std::string_view name) noexcept;

}  // namespace sluice::http::parse
