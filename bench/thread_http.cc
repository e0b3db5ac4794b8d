// thread_http.cc: answers what raw_epoll_http answers, with a thread for each connection; see
// thread_server.h and greeting.h.
#include "greeting.h"
#include "thread_server.h"

namespace {

bool greet(int connection, std::string_view received) {
  static thread_local std::string batch;
  const bool over = bench::greet_each(received, batch);
  bench::send_whole(connection, batch);
  return over;
}

}  // namespace

int main() { bench::serve_with_threads<greet>(); }
