// thread_echo.cc: answers what raw_epoll_echo answers, with a thread for each connection; see
// thread_server.h.
#include "thread_server.h"

namespace {

bool echo(int connection, std::string_view received) {
  bench::send_whole(connection, received);
  return false;
}

}  // namespace

int main() { bench::serve_with_threads<echo>(); }
