#include "http/parse/head_guard.h"

#include <algorithm>

#include "http/parse/chars.h"

namespace sluice::http::parse {
namespace {

// The longest registered method has 17 characters (UPDATEREDIRECTREF), the longest version 8.
constexpr std::size_t max_method = 32;
constexpr std::size_t max_version = 16;

}  // namespace

void head_guard::reset(section kind) noexcept {
  section_ = kind;
  state_ = kind == section::request ? state::start : state::line_start;
  max_used_ = kind == section::request ? bounds_->max_head : bounds_->max_trailer;
  used_ = word_ = lines_ = skipped_ = 0;
  rejection_ = {};
}

void head_guard::refuse(int status, const char* reason) noexcept {
  state_ = state::refused;
  rejection_ = {status, reason};
}

std::size_t head_guard::look(std::string_view input) noexcept {
  std::size_t at = 0;
  while (at < input.size() && state_ != state::complete && state_ != state::refused) {
    at += run(input.substr(at));
    if (at == input.size()) break;
    if (used_ == max_used_) {
      out_of_room();
      break;
    }
    step(input[at]);
    if (state_ != state::refused) ++at;
  }
  return at;
}

// The fast path: most bytes of a head are plain text in the middle of a word or a header line. It
// takes those that leave the state as it is and reach no limit; the rest is step's.
std::size_t head_guard::run(std::string_view input) noexcept {
  char_class wanted = is_text;
  std::size_t room = max_used_ - used_;
  if (state_ == state::target) {
    wanted = is_target;
    room = std::min(room, bounds_->max_target - word_);
  } else if (state_ == state::version) {
    wanted = is_target;
    room = std::min(room, max_version - word_);
  } else if (state_ != state::field) {
    return 0;
  }
  const std::size_t end = std::min(input.size(), room);
  std::size_t at = 0;
  while (at < end && is(input[at], wanted)) ++at;
  used_ += at;
  word_ += at;
  return at;
}

void head_guard::step(char c) noexcept {
  switch (state_) {
    case state::start:
      begin_request(c);
      return;
    case state::skip_lf:
      if (c != '\n') return refuse(400, "bare CR");
      skipped_ = 2;
      state_ = state::start;
      return;
    case state::method:
      in_method(c);
      break;
    case state::target:
      in_target(c);
      break;
    case state::version:
      in_version(c);
      break;
    case state::line_start:
      begin_line(c);
      break;
    case state::field:
      in_field(c);
      break;
    case state::line_lf:
    case state::end_lf:
      if (c != '\n') return refuse(400, "bare CR");
      state_ = state_ == state::line_lf ? state::line_start : state::complete;
      break;
    case state::complete:
    case state::refused:
      return;
  }
  ++used_;
}

void head_guard::begin_request(char c) noexcept {
  if (c == '\r' && skipped_ == 0) {
    skipped_ = 1;
    state_ = state::skip_lf;
    return;
  }
  if (!is(c, is_token)) {
    return refuse(400, c == '\n' ? "bare LF" : "request does not start with a method");
  }
  state_ = state::method;
  used_ = word_ = 1;
}

void head_guard::in_method(char c) noexcept {
  if (c == ' ') {
    state_ = state::target;
    word_ = 0;
  } else if (!is(c, is_token)) {
    refuse(400, "malformed method");
  } else if (++word_ > max_method) {
    refuse(501, "unknown method");
  }
}

void head_guard::in_target(char c) noexcept {
  if (c == ' ' && word_ != 0) {
    state_ = state::version;
    word_ = 0;
  } else if (!is(c, is_target)) {
    refuse(400, "malformed request line");
  } else if (++word_ > bounds_->max_target) {
    refuse(414, "request target too long");
  }
}

void head_guard::in_version(char c) noexcept {
  if (c == '\r' && word_ != 0) {
    state_ = state::line_lf;
  } else if (!is(c, is_target) || ++word_ > max_version) {
    refuse(400, "malformed request line");
  }
}

void head_guard::begin_line(char c) noexcept {
  if (c == '\r') {
    state_ = state::end_lf;
  } else if (c == ' ' || c == '\t') {
    refuse(400, lines_ == 0 ? "whitespace before the first header" : "folded header line");
  } else if (c == '\n') {
    refuse(400, "bare LF");
  } else if (!is(c, is_token)) {
    refuse(400, c == ':' ? "empty header name" : "malformed header name");
  } else if (++lines_ > bounds_->max_headers) {
    refuse(431, "too many header lines");
  } else {
    state_ = state::field;
  }
}

void head_guard::in_field(char c) noexcept {
  if (c == '\r') {
    state_ = state::line_lf;
  } else if (!is(c, is_text)) {
    refuse(400, c == '\n' ? "bare LF" : "control character in a header");
  }
}

void head_guard::out_of_room() noexcept {
  if (state_ == state::method || state_ == state::target) {
    refuse(414, "request line too long");
  } else {
    refuse(431, section_ == section::request ? "headers too large" : "trailers too large");
  }
}

}  // namespace sluice::http::parse
