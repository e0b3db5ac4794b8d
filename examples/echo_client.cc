// echo_client.cc: sends each line of its standard input to a server and prints what comes back.
//
//   printf 'hello\nworld\n' | echo_client --connect 127.0.0.1:7000
#include <sluice/sluice.h>

#include <iostream>
#include <string>

#include "flags.h"

namespace {

// Both directions at once: a server may answer whenever it likes.
int talk(sluice::net::stream& connection) {
  sluice::fiber printer([&] {
    while (auto chunk = connection.receive()) std::cout << chunk->text() << std::flush;
  });
  for (std::string line; std::getline(std::cin, line);) {
    if (auto sent = connection.write(line + "\n"); !sent) return sluice::fail(sent.error());
  }
  if (auto ended = connection.shutdown_write(); !ended) return sluice::fail(ended.error());
  return printer.join() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv,
                              {{"connect", "127.0.0.1:7000", "HOST:PORT to connect to"}});
  return sluice::run(
      [&] {
        auto connection = sluice::net::dial(sluice::net::tcp, flags["connect"]);
        if (!connection) return sluice::fail(connection.error());
        return talk(*connection);
      },
      flags.run_options());
}
