// debug.cc: the program of docs/debug.md. Exits 0 if the dump says what the page says.
#include <sluice/sluice.h>

#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main() {
  // [dump]
  std::string text;
  sluice::run([&] {
    sluice::channel<int> jobs;
    sluice::fiber<> worker({.name = "worker"}, [&] { (void)jobs.receive(); });
    do {  // until the worker waits
      sluice::yield();
      text = sluice::debug::dump();
    } while (text.find("receive") == text.npos);
    jobs.close();
  });
  std::cout << text;
  // [end]
  const bool named = text.find("\"worker\": receive 0x") != std::string::npos;
  const bool placed = text.find("debug.cc:") != std::string::npos;
  return named && placed ? 0 : 1;
}
