// switch.cc: from one stack to another, without a scheduler and with it.
#include "fiber/context.h"
#include "fiber/stack_pool.h"
#include "micro/on_runtime.h"

namespace bench {
namespace {

// There and back between two contexts, without a scheduler: two switches are one item.
struct contexts {
  sluice::rt::context here;
  sluice::rt::context there;
};

void bare_switch(benchmark::State& state) {
  sluice::rt::stack_pool pool({});
  const auto slot = pool.take(sluice::rt::default_stack_size).value();
  contexts both;
  sluice::rt::set_stack_bounds(both.there, slot.stack_bottom, slot.stack_top);
  sluice::rt::make_context(
      both.there, slot.stack_top,
      [](void* argument, void*) {
        auto& mine = *static_cast<contexts*>(argument);
        for (;;) sluice::rt::switch_context(mine.there, mine.here);
      },
      &both);
  for (auto _ : state) sluice::rt::switch_context(both.here, both.there);
  count_items(state);
  pool.give(slot.index);
}
BENCHMARK(bare_switch);

// Both fibers of the next one run this same code, as the fibers of a server do: a return behind a
// switch is predicted from the place that the fiber before it was called from.
[[gnu::noinline]] void yield_often(std::int64_t times) {
  for (std::int64_t i = 0; i < times; ++i) sluice::yield();
}

// Two fibers that do nothing but yield; one item is one yield.
void yield_two_fibers(benchmark::State& state) {
  const std::int64_t batch = 10'000;
  run_on(1, [&] {
    while (state.KeepRunningBatch(2 * batch)) {
      sluice::fiber other([=] { yield_often(batch); });
      yield_often(batch);
      (void)other.join();
    }
  });
  count_items(state);
}
BENCHMARK(yield_two_fibers);

}  // namespace
}  // namespace bench
