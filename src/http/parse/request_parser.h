// request_parser.h: bytes in, requests out. It knows no I/O: whoever owns the connection feeds it
// what has arrived, in any pieces, and gets the same requests and the same refusals however they
// were cut.
//
// A head is collected until head_guard has seen its end, and only then parsed, in one call of
// llhttp and in one piece of memory; so its views stay valid while the body is read into the same
// input buffer. Bodies are not copied: a piece of body is a view into the input. A trailer section
// is checked like a head and then dropped.
//
// llhttp's own view of the framing is compared with ours; where they differ the request is refused.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/parse/head_guard.h"
#include "http/parse/rejection.h"
#include "http/parse/request_head.h"
#include "sluice/http_types.h"

namespace sluice::http::parse {

enum class step : std::uint8_t { more, done, refused };

struct head_progress {
  std::size_t consumed = 0;
  step outcome = step::more;
};

struct body_progress {
  std::size_t consumed = 0;
  std::string_view data;      // a part of what was consumed; may be empty
  step outcome = step::more;  // done: the message is complete, after `data`
};

class request_parser {
 public:
  // `bounds` must outlive the parser.
  explicit request_parser(const limits& bounds);
  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  // Forgets the request, keeps the memory, and is ready for the next head.
  void reset() noexcept;

  // Takes bytes of a head, none behind it. To be called until it is done or refused.
  head_progress read_head(std::string_view input);

  // Takes bytes of the body, as far as one piece of it goes, none behind it. To be called until it
  // is done or refused; only while body_pending().
  body_progress read_body(std::string_view input);

  // Says that `size` bytes of a body with framing::length were read past the parser.
  void skip_body(std::uint64_t size) noexcept;

  [[nodiscard]] bool body_pending() const noexcept { return pending_ != framing::none; }
  // Returns  how much of a body with framing::length is still to come.
  [[nodiscard]] std::uint64_t body_left() const noexcept { return left_; }
  // Returns  whether a byte of this request has been seen.
  [[nodiscard]] bool begun() const noexcept { return guard_.begun() || !text_.empty(); }

  [[nodiscard]] const request_head& head() const noexcept { return head_; }
  [[nodiscard]] const rejection& refused() const noexcept { return rejection_; }

 private:
  friend struct llhttp_events;

  enum class stage : std::uint8_t { head, body, trailer };

  head_progress finish_head(std::size_t consumed);
  void parse_head();
  void note_llhttp_error() noexcept;
  body_progress read_length(std::string_view input) noexcept;
  body_progress read_chunked(std::string_view input);
  body_progress read_trailer(std::string_view input);
  void check_trailer();
  void refuse(int status, const char* reason) noexcept;

  const limits* bounds_;
  head_guard guard_;
  llhttp_t llhttp_;
  std::string text_;     // the head, which head_ points into
  std::string trailer_;  // a trailer section while it is collected
  request_head head_;
  rejection rejection_;
  std::string_view piece_;      // what on_body has reported
  std::uint64_t left_ = 0;      // framing::length: bytes to come
  std::uint64_t received_ = 0;  // framing::chunked: bytes of all chunks announced
  std::size_t chunk_line_ = 0;  // bytes since the last byte of body
  framing pending_ = framing::none;
  stage stage_ = stage::head;
  bool in_data_ = false;  // in the data of a chunk
  bool last_chunk_ = false;
};

}  // namespace sluice::http::parse
