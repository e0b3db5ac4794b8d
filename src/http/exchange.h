// exchange.h: one request and its response, with all the memory they need. A connection takes one
// from the pool when data is there and gives it back when it waits, so that an idle connection
// holds nothing but its stack page.
#pragma once

#include <cstddef>
#include <span>

#include "http/outbox.h"
#include "http/parse/request_parser.h"
#include "http/response_writer.h"
#include "http/route_table.h"
#include "sluice/http.h"

namespace sluice::http::detail {

// Where the handler's request::read() gets its bytes: the connection.
class body_source {
 public:
  virtual ~body_source() = default;
  virtual result<std::size_t> read_body(std::span<std::byte> buffer) = 0;
};

class exchange {
 public:
  exchange(const limits& bounds, sink& to) : parser(bounds), out(to) {}
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  // Runs `run` on the request that the parser holds.
  void answer(const handler& run) {
    const request asked(*this);
    response said(*this);
    run(said, asked);
  }

  parse::request_parser parser;
  outbox out;
  response_writer writer{out};
  route_match matched;
  body_source* source = nullptr;  // while a handler runs
  exchange* next = nullptr;       // in the pool
};

}  // namespace sluice::http::detail
