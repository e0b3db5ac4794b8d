// metrics.cc: the program of docs/debug.md on figures. Exits 0 if they are what the page says.
#include <sluice/sluice.h>

#include <iostream>
#include <sstream>
#include <string>

int main() {
  std::ostringstream page;
  std::streambuf* const screen = std::cout.rdbuf(page.rdbuf());
  // [metrics]
  sluice::run([] {
    sluice::channel<int> jobs;
    sluice::fiber<> worker([&] { (void)jobs.receive(); });
    const sluice::debug::runtime_metrics now = sluice::debug::metrics();
    std::cout << now.fibers << " fibers, " << now.switches << " switches\n";
    sluice::debug::write_prometheus(std::cout, now);
    jobs.close();
  });
  // [end]
  std::cout.rdbuf(screen);
  const std::string text = page.str();
  std::cout << text;
  const bool spawned = text.find("\nsluice_spawned_total 2\n") != std::string::npos;
  const bool placed = text.find("metrics.cc:") != std::string::npos;
  return spawned && placed ? 0 : 1;
}
