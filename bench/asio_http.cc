// asio_http.cc: the greeting on Asio's coroutines, without a parser; see asio_server.h, greeting.h.
#include "asio_server.h"
#include "greeting.h"

int main() {
  bench::serve_with_asio([batch = std::string()](std::string_view received) mutable {
    const bool over = bench::greet_each(received, batch);
    return bench::asio_answer{batch, over};
  });
}
