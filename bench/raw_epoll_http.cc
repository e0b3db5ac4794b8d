// raw_epoll_http.cc: what the HTTP server is measured against; see raw_epoll_loop.h and greeting.h.
// A batch is answered with one write.
#include "greeting.h"
#include "raw_epoll_loop.h"

int main(int argc, char** argv) {
  bench::serve_for_ever(argc, argv, [](int connection, std::string_view received) {
    static thread_local std::string batch;
    const bool over = bench::greet_each(received, batch);
    bench::send_whole(connection, batch);
    return over;
  });
}
