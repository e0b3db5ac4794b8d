// status.h: status codes, their words, and which of them have no body.
#pragma once

#include <string_view>

namespace sluice::http {

// Returns  the reason phrase of RFC 9110 and RFC 6585, or "" for a code without one.
std::string_view reason_phrase(int status) noexcept;

// Returns  whether a response with this status ends after its head (RFC 9112 6.3).
constexpr bool has_no_body(int status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace sluice::http
