// asio_echo.cc: the echo server on Asio's coroutines; see asio_server.h.
#include "asio_server.h"

int main() {
  bench::serve_with_asio(
      [](std::string_view received) { return bench::asio_answer{received, false}; });
}
