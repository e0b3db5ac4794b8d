// on_runtime.h: what every micro-benchmark needs. One item is one operation: one switch, one yield,
// one park and ready there and back, one spawn.
//
// Each benchmark runs its loop inside run(), so that the runtime's own start is not in the figure.
// The monitor is off: it would add a tick of another thread to whatever it falls on.
#pragma once

#include <benchmark/benchmark.h>
#include <sluice/sluice.h>

#include <cstdint>
#include <utility>

namespace bench {

template <class F>
void run_on(unsigned processors, F&& body) {
  sluice::run(std::forward<F>(body), {.processors = processors, .monitor = false});
}

inline void count_items(benchmark::State& state, std::int64_t items_each = 1) {
  state.SetItemsProcessed(state.iterations() * items_each);
}

}  // namespace bench
