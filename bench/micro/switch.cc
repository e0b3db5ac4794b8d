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
  run_on(1, [&] {
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

}  // namespace
}  // namespace bench
