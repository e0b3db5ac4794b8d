// head_guard.h: the shape of a request head (or of a trailer section), byte by byte, before any
// parser sees it. It finds where the head ends, and refuses what parsers read in different ways:
// line folding, bare CR and LF, control characters, whitespace where none belongs, a request line
// that is not three words; it counts every limit of the head.
//
//   state         means                                   left by
//   start         nothing of this head seen               CR -> skip_lf (once); a token -> method
//   skip_lf       CR of an empty line before the head     LF -> start
//   method        in the method                           SP -> target
//   target        in the target                           SP -> version
//   version       in the version                          CR -> line_lf
//   line_lf       CR of a line seen                       LF -> line_start
//   line_start    a header line or the end comes          CR -> end_lf; a character -> field
//   field         in a header line                        CR -> line_lf
//   end_lf        CR of the empty line seen               LF -> complete
//
// Everything is decided by the bytes up to and including the current one, so it makes no
// difference in which pieces they arrive.
//
// One empty line before the request line is skipped, since old clients send one after a POST
// (RFC 9112 2.2); a second one is refused, where the RFC leaves the choice.
//
// Rejected: to feed llhttp with each piece and to catch these cases in its callbacks. It hides the
// line ends of folded and empty values, and its errors and ours would race: the answer would depend
// on where the pieces were cut.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/parse/rejection.h"
#include "sluice/http_types.h"

namespace sluice::http::parse {

class head_guard {
 public:
  enum class section : unsigned char { request, trailer };

  // `bounds` must outlive the guard.
  explicit head_guard(const limits& bounds) noexcept : bounds_(&bounds) {}

  // Starts a new head.
  void reset(section kind) noexcept;

  // Looks at the next bytes, up to the end of the head or to the first byte that is refused.
  //
  //   Returns  how many bytes it has accepted. Less than input.size() only if complete() or
  //            refused() holds now.
  std::size_t look(std::string_view input) noexcept;

  [[nodiscard]] bool complete() const noexcept { return state_ == state::complete; }
  [[nodiscard]] const rejection& refused() const noexcept { return rejection_; }

  // Returns  how many of the accepted bytes stood before the head and are not part of it.
  [[nodiscard]] std::size_t skipped() const noexcept { return skipped_; }
  // Returns  whether any byte has been seen since reset().
  [[nodiscard]] bool begun() const noexcept { return used_ + skipped_ != 0; }
  [[nodiscard]] std::size_t header_lines() const noexcept { return lines_; }

 private:
  enum class state : unsigned char {
    start,
    skip_lf,
    method,
    target,
    version,
    line_lf,
    line_start,
    field,
    end_lf,
    complete,
    refused
  };

  void refuse(int status, const char* reason) noexcept;
  [[nodiscard]] std::size_t run(std::string_view input) noexcept;
  void step(char c) noexcept;
  void begin_request(char c) noexcept;
  void begin_line(char c) noexcept;
  void in_method(char c) noexcept;
  void in_target(char c) noexcept;
  void in_version(char c) noexcept;
  void in_field(char c) noexcept;
  void out_of_room() noexcept;

  const limits* bounds_;
  std::size_t used_ = 0;      // bytes of the head so far
  std::size_t max_used_ = 0;  // what this section may have
  std::size_t word_ = 0;      // bytes of the current word of the request line
  std::size_t lines_ = 0;
  std::size_t skipped_ = 0;
  state state_ = state::complete;
  section section_ = section::request;
  rejection rejection_;
};

}  // namespace sluice::http::parse
