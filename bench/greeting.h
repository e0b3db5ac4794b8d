// greeting.h: the answers of the HTTP servers that parse nothing: each empty line in what one read
// brings is a request, and gets a fixed answer as long as the one of sluice's server.
#pragma once

#include <string>
#include <string_view>

namespace bench {

inline constexpr std::string_view greeting =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Length: 14\r\n"
    "\r\n"
    "Hello, World!\n";

// The answer before the connection is closed. A client that is not told would send again.
inline constexpr std::string_view last_greeting =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Connection: close\r\n"
    "Content-Length: 14\r\n"
    "\r\n"
    "Hello, World!\n";

// Replaces `batch` by the answers to what was received. Returns true if the connection ends then.
inline bool greet_each(std::string_view received, std::string& batch) {
  constexpr std::string_view end = "\r\n\r\n";
  const bool over = received.find("Connection: close") != received.npos;
  batch.clear();
  for (std::size_t at = received.find(end); at != received.npos;
       at = received.find(end, at + end.size())) {
    batch += over ? last_greeting : greeting;
  }
  return over;
}

}  // namespace bench
