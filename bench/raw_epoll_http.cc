// raw_epoll_http.cc: what the HTTP server is measured against; see raw_epoll_loop.h. It parses
// nothing: each empty line in what one read brings is a request, and gets a fixed answer as long as
// the one of sluice's server; a batch is answered with one write.
#include <string>

#include "raw_epoll_loop.h"

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Length: 14\r\n"
    "\r\n"
    "Hello, World!\n";

bool answer_each(int connection, std::string_view received) {
  constexpr std::string_view end = "\r\n\r\n";
  static std::string batch;
  batch.clear();
  for (std::size_t at = received.find(end); at != received.npos;
       at = received.find(end, at + end.size())) {
    batch += answer;
  }
  bench::send_whole(connection, batch);
  return received.find("Connection: close") != received.npos;
}

}  // namespace

int main() { bench::serve_for_ever(answer_each); }
