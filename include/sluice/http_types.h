// http_types.h: the small types that sluice::http speaks in, and how much of a request the server
// is willing to look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace sluice::http {

// For max_body: a body of any size. The handler then reads it in pieces.
inline constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

struct header_field {
  std::string_view name;   // as sent; names are compared without regard to case
  std::string_view value;  // without the whitespace around it
};

// Every limit is safe by default and each has its own answer, so that a client sees which one it
// reached. The whole head must fit in max_head whatever the other limits say.
struct limits {
  // Bytes of the request line and all header lines together; more is answered 431. nginx allows
  // 32 KiB, Go 1 MiB; cookies of real sites stay below 8 KiB.
  std::size_t max_head = std::size_t{16} * 1024;
  // Bytes of the request target; more is answered 414. RFC 9110 4.1 recommends at least 8,000.
  std::size_t max_target = std::size_t{8} * 1024;
  // Header lines; more is answered 431. Trailer lines are counted apart, by the same limit.
  std::size_t max_headers = 100;
  // Bytes of body; more is answered 413, at once where Content-Length says so.
  std::uint64_t max_body = std::uint64_t{1} * 1024 * 1024;
  // Bytes of one chunk's size line with its extensions; more is answered 400. Nobody needs
  // extensions, and without a limit they would let a client send for ever without sending a body.
  std::size_t max_chunk_line = 256;
  // Bytes of the trailer section after the last chunk; more is answered 431.
  std::size_t max_trailer = std::size_t{4} * 1024;
};

}  // namespace sluice::http
