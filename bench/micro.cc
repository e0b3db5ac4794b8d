// micro.cc: what the scheduler's own steps cost, on one processor, with Google Benchmark's flags.
// One item is one operation: one switch, one yield, one park and ready there and back, one spawn.
//
// Each benchmark runs its loop inside run(), so that the runtime's own start is not in the figure.
// The monitor is off: it would add a tick of another thread to whatever it falls on.
#include <benchmark/benchmark.h>
#include <sluice/sluice.h>

#include <utility>
#include <vector>

#include "fiber/context.h"
#include "fiber/stack_pool.h"
#include "sched/park.h"

namespace {

template <class F>
void run_on_one_processor(F&& body) {
  sluice::run(std::forward<F>(body), {.processors = 1, .monitor = false});
}

void count_items(benchmark::State& state, std::int64_t items_each = 1) {
  state.SetItemsProcessed(state.iterations() * items_each);
}

// There and back between two contexts, without a scheduler: two switches are one item.
struct contexts {
  sluice::rt::context here;
  sluice::rt::context there;
};

void bare_switch(benchmark::State& state) {
  sluice::rt::stack_pool pool({});
  const auto slot = pool.take(sluice::rt::default_stack_size).value();
  contexts both;
  sluice::rt::make_context(
      both.there, slot.stack_top,
      [](void* argument) {
        auto& mine = *static_cast<contexts*>(argument);
        for (;;) sluice::rt::switch_context(mine.there, mine.here);
      },
      &both);
  for (auto _ : state) sluice::rt::switch_context(both.here, both.there);
  count_items(state);
  pool.give(slot.index);
}
BENCHMARK(bare_switch);

// Two fibers that do nothing but yield: one iteration is one turn of each, two yields.
void yield_two_fibers(benchmark::State& state) {
  run_on_one_processor([&] {
    bool done = false;
    sluice::fiber other([&] {
      while (!done) sluice::yield();
    });
    for (auto _ : state) sluice::yield();
    done = true;
    (void)other.join();
  });
  count_items(state, 2);
}
BENCHMARK(yield_two_fibers);

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

void park_ready(benchmark::State& state) {
  run_on_one_processor([&] {
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
BENCHMARK(park_ready);

// A detached fiber, started and run to its end.
void spawn_finish(benchmark::State& state) {
  run_on_one_processor([&] {
    for (auto _ : state) {
      sluice::go([] {});
      sluice::yield();
    }
  });
  count_items(state);
}
BENCHMARK(spawn_finish);

void spawn_join(benchmark::State& state) {
  run_on_one_processor([&] {
    for (auto _ : state) {
      sluice::fiber child([] {});
      (void)child.join();
    }
  });
  count_items(state);
}
BENCHMARK(spawn_join);

// All alive at once, since the parent does not leave before it has started the last one; one item
// is one of them.
void spawn_join_10000(benchmark::State& state) {
  constexpr std::size_t alive = 10'000;
  run_on_one_processor([&] {
    std::vector<sluice::fiber<>> children;
    children.reserve(alive);
    for (auto _ : state) {
      for (std::size_t i = 0; i < alive; ++i) children.emplace_back([] {});
      for (auto& child : children) (void)child.join();
      children.clear();
    }
  });
  count_items(state, alive);
}
BENCHMARK(spawn_join_10000)->Unit(benchmark::kMicrosecond);

}  // namespace
