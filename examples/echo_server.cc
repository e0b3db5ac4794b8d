// echo_server.cc: sends back what it receives, a fiber for each connection.
//
//   echo_server --listen 127.0.0.1:7000
#include <sluice/sluice.h>

#include <csignal>
#include <cstdio>

#include "flags.h"

namespace {

void serve(sluice::net::stream connection) {
  // Holds no buffer while it waits; the end of the stream is an error value.
  while (auto chunk = connection.receive()) {
    if (!connection.write(*chunk)) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv, {{"listen", "127.0.0.1:7000", "HOST:PORT to listen on"}});
  return sluice::run(
      [&] {
        auto listener = sluice::net::listen(sluice::net::tcp, flags["listen"]);
        if (!listener) return sluice::fail(listener.error());
        // Before anybody is told that this listens.
        if (auto kept = sluice::keep_signals({SIGTERM, SIGINT}); !kept) {
          return sluice::fail(kept.error());
        }
        std::printf("listening on %s\n", listener->local_address().to_string().c_str());
        std::fflush(stdout);
        const sluice::fiber stopper([&] {
          if (sluice::wait_signal({SIGTERM, SIGINT})) (void)listener->close();
        });
        while (auto connection = listener->accept()) sluice::go(serve, std::move(*connection));
        return 0;
      },
      flags.run_options());
}
