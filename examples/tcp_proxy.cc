// tcp_proxy.cc: carries bytes both ways between its clients and another server.
//
//   tcp_proxy --listen 127.0.0.1:7001 --to 127.0.0.1:7000
#include <sluice/sluice.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "flags.h"

namespace {

// Copies until the end, and passes the end on.
void carry(sluice::net::stream& from, sluice::net::stream& to) {
  (void)sluice::io::copy(from, to);
  (void)to.shutdown_write();
}

void proxy(sluice::net::stream client, std::string target) {
  auto server = sluice::net::dial(sluice::net::tcp, target);
  if (!server) {
    (void)sluice::fail(server.error());
    return;
  }
  sluice::fiber answers([&] { carry(*server, client); });
  carry(client, *server);
  (void)answers.join();
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv,
                              {{"listen", "127.0.0.1:7001", "HOST:PORT to listen on"},
                               {"to", "127.0.0.1:7000", "HOST:PORT to carry to"}});
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
        while (auto client = listener->accept()) {
          sluice::go(proxy, std::move(*client), flags["to"]);
        }
        return 0;
      },
      flags.run_options());
}
