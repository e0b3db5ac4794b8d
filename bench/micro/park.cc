// park.cc: parking and making ready, and what a great many parked fibers take.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "micro/on_runtime.h"
#include "sched/park.h"

namespace bench {
namespace {

// Two fibers that wake each other, each with the whole recipe of park.h; one item is there and
// back.
struct pair_of_parkers {
  sluice::rt::parker* ping = nullptr;
  sluice::rt::parker* pong = nullptr;
  bool done = false;
};

void wake_other(sluice::rt::parker& other) {
  sluice::rt::wake(other, other.word.epoch(), sluice::rt::wake_reason::partner);
}

void park_and_ready(benchmark::State& state, unsigned processors) {
  run_on(processors, [&] {
    pair_of_parkers both{.ping = &sluice::rt::this_parker()};
    sluice::fiber partner([&] {
      both.pong = &sluice::rt::this_parker();
      sluice::rt::park_begin(*both.pong, {});
      sluice::rt::park(*both.pong);
      while (!both.done) {
        sluice::rt::park_begin(*both.pong, {});
        wake_other(*both.ping);
        sluice::rt::park(*both.pong);
      }
    });
    while (both.pong == nullptr) sluice::yield();
    for (auto _ : state) {
      sluice::rt::park_begin(*both.ping, {});
      wake_other(*both.pong);
      sluice::rt::park(*both.ping);
    }
    both.done = true;
    wake_other(*both.pong);
    (void)partner.join();
  });
  count_items(state);
}

void park_ready(benchmark::State& state) { park_and_ready(state, 1); }
BENCHMARK(park_ready);

// With a processor to spare: whoever is woken may be stolen meanwhile.
void park_ready_two_processors(benchmark::State& state) { park_and_ready(state, 2); }
BENCHMARK(park_ready_two_processors)->UseRealTime();

// Resident memory of this process, bytes.
double resident() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t pages = 0;
  statm >> total >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Starts them, lets each park on the wait group's counter, and lets them all go; one item is one
// fiber's whole life. The memory is what they hold while all are parked.
void parked_fibers(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  double bytes = 0;
  for (auto _ : state) {
    run_on(1, [&] {
      const double before = resident();
      sluice::wait_group release;
      sluice::wait_group ended;
      std::size_t parked = 0;
      release.add(1);
      ended.add(count);
      for (std::size_t i = 0; i < count; ++i) {
        sluice::go([&] {
          ++parked;
          (void)release.wait();
          ended.done();
        });
      }
      while (parked != count) sluice::yield();
      bytes = (resident() - before) / static_cast<double>(count);
      release.done();
      (void)ended.wait();
    });
  }
  count_items(state, state.range(0));
  state.counters["rss_per_fiber"] = bytes;
}
BENCHMARK(parked_fibers)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace bench
