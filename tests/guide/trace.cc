// trace.cc: the program of docs/debug.md that records a trace. Writes it to the file that it is
// given, or to trace.json; tests/trace/check.py reads it.
#include <sluice/sluice.h>

#include <fstream>
#include <iostream>

namespace {

void serve(sluice::net::stream connection) {
  while (auto chunk = connection.receive()) {
    if (!connection.write(*chunk)) return;
  }
}

void talk(const std::string& where) {
  auto connection = sluice::net::dial(sluice::net::tcp, where);
  for (int i = 0; connection && i < 100; ++i) {
    if (!connection->write("hello") || !connection->receive()) return;
  }
}

void work() {
  auto listener = sluice::net::listen(sluice::net::tcp, "127.0.0.1:0").value();
  const std::string where = listener.local_address().to_string();
  sluice::fiber acceptor({.name = "acceptor"}, [&] {
    while (auto connection = listener.accept()) sluice::go(serve, std::move(*connection));
  });
  sluice::task_group clients;
  for (int i = 0; i < 8; ++i) (void)clients.go(talk, where);
  (void)clients.wait();
  for (int i = 0; i < 10; ++i) (void)sluice::sleep_for(std::chrono::milliseconds(2));
  acceptor.request_stop();
}

}  // namespace

int main(int argc, char** argv) {
  const char* const name = argc > 1 ? argv[1] : "trace.json";
  std::ofstream file(name);
  sluice::run([&] {
    // [trace]
    sluice::debug::trace recorded;
    work();
    recorded.write(file);
    // [end]
    std::cout << recorded.events() << " events, " << recorded.lost() << " lost\n";
  });
  return file.flush() ? 0 : 1;
}
