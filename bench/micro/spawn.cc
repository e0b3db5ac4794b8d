// spawn.cc: a fiber's beginning and end.
#include <vector>

#include "micro/on_runtime.h"

namespace bench {
namespace {

// A detached fiber, started and run to its end.
void spawn_finish(benchmark::State& state) {
  run_on(1, [&] {
    for (auto _ : state) {
      sluice::go([] {});
      sluice::yield();
    }
  });
  count_items(state);
}
BENCHMARK(spawn_finish);

void spawn_join(benchmark::State& state) {
  run_on(1, [&] {
    for (auto _ : state) {
      sluice::fiber child([] {});
      (void)child.join();
    }
  });
  count_items(state);
}
BENCHMARK(spawn_join);

// All alive at once, since the parent does not leave before it has started the last one; one item
// is one of them. The first burst, which maps the stacks, is not in the figure: few bursts fit into
// a short run, and it takes as long as ten others.
void spawn_join_10000(benchmark::State& state) {
  constexpr std::size_t alive = 10'000;
  run_on(1, [&] {
    std::vector<sluice::fiber<>> children;
    children.reserve(alive);
    const auto burst = [&] {
      for (std::size_t i = 0; i < alive; ++i) children.emplace_back([] {});
      for (auto& child : children) (void)child.join();
      children.clear();
    };
    burst();
    for (auto _ : state) burst();
  });
  count_items(state, alive);
}
BENCHMARK(spawn_join_10000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bench
