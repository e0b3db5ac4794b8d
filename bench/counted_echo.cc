// counted_echo.cc: examples/echo_server as a bench needs it: it tells its counters at SIGUSR1
// (counters.h), and with --buffer stack it reads into 4 KiB of its own stack instead of a leased
// chunk, which is what a connection with a buffer of its own costs in memory.
#include <sluice/sluice.h>

#include <array>
#include <cstdio>
#include <span>

#include "counters.h"
#include "flags.h"

namespace {

void serve_chunks(sluice::net::stream connection) {
  while (auto chunk = connection.receive()) {
    if (!connection.write(*chunk)) return;
  }
}

void serve_from_stack(sluice::net::stream connection) {
  std::array<std::byte, 4096> buffer;
  while (auto got = connection.read(buffer)) {
    if (!connection.write(std::span(buffer).first(*got))) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv,
                              {{"listen", "127.0.0.1:0", "HOST:PORT to listen on"},
                               {"buffer", "leased", "where to read into: leased or stack"}});
  const auto serve = flags["buffer"] == "stack" ? serve_from_stack : serve_chunks;
  return sluice::run(
      [&] {
        auto listener = sluice::net::listen(sluice::net::tcp, flags["listen"]);
        if (!listener) return sluice::fail(listener.error());
        if (auto kept = sluice::keep_signals({SIGUSR1}); !kept) return sluice::fail(kept.error());
        sluice::go(bench::report_counters);
        std::printf("listening on %s\n", listener->local_address().to_string().c_str());
        std::fflush(stdout);
        while (auto connection = listener->accept()) sluice::go(serve, std::move(*connection));
        return 0;
      },
      flags.run_options());
}
