#include "http/parse/request_parser.h"

#include <algorithm>

#include "http/parse/chars.h"
#include "http/parse/head_rules.h"

namespace sluice::http::parse {

// llhttp's callbacks. A head reaches llhttp whole, so each span of it arrives whole as well.
struct llhttp_events {
  static request_parser& self(llhttp_t* from) { return *static_cast<request_parser*>(from->data); }

  static int on_method(llhttp_t* from, const char* at, std::size_t size) {
    self(from).head_.method = {at, size};
    return 0;
  }

  static int on_url(llhttp_t* from, const char* at, std::size_t size) {
    self(from).head_.target = {at, size};
    return 0;
  }

  // Judged here, since llhttp lets "GET / HTTP/2.0" pass and has one error for versions that are
  // malformed and versions that are not spoken. It speaks RTSP and ICE as well, which only the five
  // characters before the digits show.
  static int on_version(llhttp_t* from, const char* at, std::size_t size) {
    request_parser& parser = self(from);
    const std::string_view version(at, size);
    if (std::string_view(at - 5, 5) != "HTTP/") return -1;
    if (version == "1.1" || version == "1.0") {
      parser.head_.version_minor = version[2] - '0';
      return 0;
    }
    const bool other = size == 3 && is(version[0], is_digit) && is(version[2], is_digit);
    if (other) parser.refuse(505, "HTTP version not supported");
    return -1;
  }

  static int on_field(llhttp_t* from, const char* at, std::size_t size) {
    request_parser& parser = self(from);
    // During the trailer the names are looked at and forgotten.
    if (parser.stage_ == request_parser::stage::head) {
      parser.head_.fields.push_back({{at, size}, {}});
      return 0;
    }
    const std::string_view name(at, size);
    for (const std::string_view framed : {"content-length", "transfer-encoding", "host"}) {
      if (equal_fold(name, framed)) return -1;
    }
    return 0;
  }

  static int on_value(llhttp_t* from, const char* at, std::size_t size) {
    request_parser& parser = self(from);
    if (parser.stage_ == request_parser::stage::head) {
      parser.head_.fields.back().value = trim({at, size});
    }
    return 0;
  }

  static int on_head(llhttp_t* from) {
    from->upgrade = 0;  // an offer to change protocols is ignored, as RFC 9110 7.8 allows
    return HPE_PAUSED;
  }

  static int on_chunk(llhttp_t* from) {
    request_parser& parser = self(from);
    const std::uint64_t size = from->content_length;
    if (size > parser.bounds_->max_body - parser.received_) {
      parser.refuse(413, "body too large");
      return -1;
    }
    parser.received_ += size;
    parser.in_data_ = size != 0;
    if (parser.in_data_) return 0;
    parser.last_chunk_ = true;
    return HPE_PAUSED;
  }

  // Pauses, so that each piece of body is handed out before the next one is looked for.
  static int on_body(llhttp_t* from, const char* at, std::size_t size) {
    self(from).piece_ = {at, size};
    self(from).in_data_ = from->content_length != 0;
    return HPE_PAUSED;
  }

  static int on_message(llhttp_t*) { return HPE_PAUSED; }

  static const llhttp_settings_t& table() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t events;
      llhttp_settings_init(&events);
      events.on_method = on_method;
      events.on_url = on_url;
      events.on_version = on_version;
      events.on_header_field = on_field;
      events.on_header_value = on_value;
      events.on_headers_complete = on_head;
      events.on_chunk_header = on_chunk;
      events.on_body = on_body;
      events.on_message_complete = on_message;
      return events;
    }();
    return settings;
  }
};

request_parser::request_parser(const limits& bounds) : bounds_(&bounds), guard_(bounds) { reset(); }

void request_parser::reset() noexcept {
  guard_.reset(head_guard::section::request);
  text_.clear();
  head_.clear();
  rejection_ = {};
  left_ = received_ = 0;
  chunk_line_ = 0;
  pending_ = framing::none;
  stage_ = stage::head;
  in_data_ = last_chunk_ = false;
}

void request_parser::refuse(int status, const char* reason) noexcept {
  if (!rejection_) rejection_ = {status, reason};
}

head_progress request_parser::read_head(std::string_view input) {
  const std::size_t skipped = guard_.skipped();
  const std::size_t consumed = guard_.look(input);
  const std::size_t not_head = guard_.skipped() - skipped;
  text_.append(input.substr(not_head, consumed - not_head));
  if (guard_.refused()) {
    rejection_ = guard_.refused();
    return {consumed, step::refused};
  }
  return guard_.complete() ? finish_head(consumed) : head_progress{consumed, step::more};
}

head_progress request_parser::finish_head(std::size_t consumed) {
  head_.fields.reserve(guard_.header_lines());
  parse_head();
  if (!rejection_) rejection_ = apply_rules(head_, *bounds_);
  if (rejection_) return {consumed, step::refused};
  const bool chunked = (llhttp_.flags & F_CHUNKED) != 0;
  const bool length = (llhttp_.flags & F_CONTENT_LENGTH) != 0 && llhttp_.content_length != 0;
  if (chunked != (head_.body == framing::chunked) || length != (head_.body == framing::length) ||
      (length && llhttp_.content_length != head_.content_length)) {
    refuse(400, "ambiguous framing");
    return {consumed, step::refused};
  }
  pending_ = head_.body;
  left_ = head_.content_length;
  stage_ = stage::body;
  return {consumed, step::done};
}

void request_parser::parse_head() {
  llhttp_init(&llhttp_, HTTP_REQUEST, &llhttp_events::table());
  llhttp_.data = this;
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, text_.data(), text_.size());
  const bool whole =
      outcome == HPE_PAUSED && llhttp_get_error_pos(&llhttp_) == text_.data() + text_.size();
  if (!whole) note_llhttp_error();
}

// What on_version has noted already comes first.
void request_parser::note_llhttp_error() noexcept {
  switch (llhttp_get_errno(&llhttp_)) {
    case HPE_INVALID_METHOD:
      return refuse(501, "unknown method");
    case HPE_PAUSED_H2_UPGRADE:
      return refuse(505, "HTTP version not supported");
    case HPE_INVALID_URL:
      return refuse(400, "malformed request target");
    case HPE_INVALID_CONTENT_LENGTH:
      return refuse(400, "malformed Content-Length");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return refuse(400, "ambiguous Content-Length");
    case HPE_INVALID_TRANSFER_ENCODING:
      return refuse(400, "malformed Transfer-Encoding");
    case HPE_INVALID_HEADER_TOKEN:
      return refuse(400, "malformed header");
    default:
      return refuse(400, "malformed request");
  }
}

body_progress request_parser::read_body(std::string_view input) {
  if (pending_ == framing::length) return read_length(input);
  if (stage_ == stage::trailer) return read_trailer(input);
  return read_chunked(input);
}

void request_parser::skip_body(std::uint64_t size) noexcept {
  left_ -= size;
  if (left_ == 0) pending_ = framing::none;
}

body_progress request_parser::read_length(std::string_view input) noexcept {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  skip_body(size);
  return {size, input.substr(0, size), left_ == 0 ? step::done : step::more};
}

// While no chunk's data is being read, llhttp sees no more than a size line may still have; so it
// is always the first fault that is found, in whatever pieces it comes.
body_progress request_parser::read_chunked(std::string_view input) {
  if (!in_data_) {
    // Two bytes more: the line end behind the previous chunk's data is counted here as well.
    const std::size_t room = bounds_->max_chunk_line + 2 - chunk_line_;
    if (room == 0) refuse(400, "chunk size line too long");
    input = input.substr(0, room);
  }
  piece_ = {};
  llhttp_resume(&llhttp_);
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, input.data(), input.size());
  if (outcome != HPE_OK && outcome != HPE_PAUSED) refuse(400, "malformed chunk");
  if (rejection_) return {input.size(), {}, step::refused};
  const std::size_t consumed =
      outcome == HPE_OK ? input.size()
                        : static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - input.data());
  chunk_line_ = piece_.empty() ? chunk_line_ + consumed : 0;
  if (!last_chunk_) return {consumed, piece_, step::more};
  stage_ = stage::trailer;
  guard_.reset(head_guard::section::trailer);
  trailer_.clear();
  return {consumed, {}, step::more};
}

body_progress request_parser::read_trailer(std::string_view input) {
  const std::size_t consumed = guard_.look(input);
  trailer_.append(input.substr(0, consumed));
  if (guard_.refused()) rejection_ = guard_.refused();
  if (guard_.complete()) check_trailer();
  if (rejection_) return {consumed, {}, step::refused};
  if (!guard_.complete()) return {consumed, {}, step::more};
  pending_ = framing::none;
  return {consumed, {}, step::done};
}

void request_parser::check_trailer() {
  llhttp_resume(&llhttp_);
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, trailer_.data(), trailer_.size());
  if (outcome != HPE_PAUSED) refuse(400, "malformed trailer");
}

}  // namespace sluice::http::parse
