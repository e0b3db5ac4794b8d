// raw_epoll_echo.cc: what the echo server is measured against; see raw_epoll_loop.h.
#include "raw_epoll_loop.h"

int main(int argc, char** argv) {
  bench::serve_for_ever(argc, argv, [](int connection, std::string_view received) {
    bench::send_whole(connection, received);
    return false;
  });
}
