// parser_driver_test.h: feeds raw bytes to a request_parser in chosen pieces, and holds that the
// result is the same for every way of cutting them in two and for single bytes.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "http/parse/request_parser.h"

namespace sluice::http::parse {

struct seen_request {
  std::string method;
  std::string target;
  std::string path;
  std::string query;
  std::string authority;
  int version_minor = 0;
  bool keep_alive = false;
  bool expect_continue = false;
  std::vector<std::string> fields;  // "name=value"
  std::string body;
  bool complete = false;

  bool operator==(const seen_request&) const = default;
};

struct seen_stream {
  std::vector<seen_request> requests;  // the last one may be incomplete
  int status = 0;                      // of the refusal that ended it
  std::string reason;

  bool operator==(const seen_stream&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const seen_stream& stream) {
  out << "status " << stream.status << " \"" << stream.reason << '"';
  for (const seen_request& request : stream.requests) {
    out << "\n  " << request.method << ' ' << request.target << (request.complete ? "" : " (cut)")
        << " body " << request.body.size();
    for (const std::string& line : request.fields) out << "\n    " << line;
  }
  return out;
}

// A stream of requests on one connection.
class parser_driver {
 public:
  explicit parser_driver(const limits& bounds) : parser_(bounds) {}

  void feed(std::string_view piece) {
    // What is fed lies in memory of its own size, so that a sanitizer sees a read past its end.
    const std::vector<char> copy(piece.begin(), piece.end());
    std::string_view input(copy.data(), copy.size());
    while (!input.empty() && seen_.status == 0) {
      input.remove_prefix(parser_.body_pending() ? body(input) : head(input));
    }
  }

  [[nodiscard]] const seen_stream& seen() const { return seen_; }
  [[nodiscard]] const request_parser& parser() const { return parser_; }

 private:
  std::size_t head(std::string_view input) {
    const head_progress progress = parser_.read_head(input);
    if (progress.outcome == step::refused) note_refusal();
    if (progress.outcome == step::done) note_head();
    return progress.consumed;
  }

  std::size_t body(std::string_view input) {
    const body_progress progress = parser_.read_body(input);
    seen_.requests.back().body += progress.data;
    if (progress.outcome == step::refused) note_refusal();
    if (progress.outcome == step::done) finish();
    return progress.consumed;
  }

  void note_head() {
    const request_head& head = parser_.head();
    seen_request request{.method = std::string(head.method),
                         .target = std::string(head.target),
                         .path = std::string(head.path),
                         .query = std::string(head.query),
                         .authority = std::string(head.authority),
                         .version_minor = head.version_minor,
                         .keep_alive = head.keep_alive,
                         .expect_continue = head.expect_continue,
                         .fields = {},
                         .body = {},
                         .complete = false};
    for (const field& line : head.fields) {
      request.fields.push_back(std::string(line.name) + '=' + std::string(line.value));
    }
    seen_.requests.push_back(request);
    if (!parser_.body_pending()) finish();
  }

  void finish() {
    seen_.requests.back().complete = true;
    parser_.reset();
  }

  void note_refusal() {
    seen_.status = parser_.refused().status;
    seen_.reason = parser_.refused().reason;
  }

  request_parser parser_;
  seen_stream seen_;
};

inline seen_stream parse_pieces(std::initializer_list<std::string_view> pieces,
                                const limits& bounds = {}) {
  parser_driver driver(bounds);
  for (const std::string_view piece : pieces) driver.feed(piece);
  return driver.seen();
}

// Parses `bytes` whole, cut in two at every position, and byte by byte.
//
//   Returns  the result, which was the same each time; else the test has failed.
inline seen_stream parse_every_way(std::string_view bytes, const limits& bounds = {}) {
  const seen_stream whole = parse_pieces({bytes}, bounds);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const seen_stream split = parse_pieces({bytes.substr(0, cut), bytes.substr(cut)}, bounds);
    EXPECT_EQ(split, whole) << "cut at " << cut;
    if (split != whole) return whole;
  }
  parser_driver driver(bounds);
  for (std::size_t at = 0; at < bytes.size(); ++at) driver.feed(bytes.substr(at, 1));
  EXPECT_EQ(driver.seen(), whole) << "byte by byte";
  return whole;
}

}  // namespace sluice::http::parse
