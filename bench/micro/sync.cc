// sync.cc: fibers that talk: channels, select, locks, sleeps, a scope. One item is an item that is
// there and back (pingpong, select), one that goes through the channel, one locked section, one
// sleep, one call under a deadline. NAME is with one processor, NAME/2 with two.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "micro/on_runtime.h"

namespace bench {
namespace {

using sluice::channel;
using sluice::fiber;

using body = void (*)(benchmark::State&, unsigned processors);

// NAME, and NAME/2, where time is what passes: the benchmark's own thread may sleep.
int with_one_and_two(const std::string& name, body of) {
  benchmark::RegisterBenchmark(name.c_str(), [of](benchmark::State& state) { of(state, 1); });
  benchmark::RegisterBenchmark((name + "/2").c_str(), [of](benchmark::State& state) {
    of(state, 2);
  })->UseRealTime();
  return 0;
}

void channel_pingpong(benchmark::State& state, unsigned processors) {
  run_on(processors, [&] {
    channel<int> there;
    channel<int> back;
    fiber echo([&] {
      for (const int item : there) (void)back.send(item);
    });
    for (auto _ : state) {
      (void)there.send(1);
      benchmark::DoNotOptimize(back.receive());
    }
    there.close();
    (void)echo.join();
  });
  count_items(state);
}
[[maybe_unused]] const int registered_channel_pingpong =
    with_one_and_two("channel_pingpong", &channel_pingpong);

void channel_buffered(benchmark::State& state, unsigned processors) {
  run_on(processors, [&] {
    channel<int> items(1024);
    fiber consumer([&] {
      std::int64_t sum = 0;
      for (const int item : items) sum += item;
      return sum;
    });
    for (auto _ : state) (void)items.send(1);
    items.close();
    benchmark::DoNotOptimize(consumer.join());
  });
  count_items(state);
}
[[maybe_unused]] const int registered_channel_buffered =
    with_one_and_two("channel_buffered", &channel_buffered);

// Two servers, each with a channel of its own; whoever asks them selects among the answers.
void select_two(benchmark::State& state, unsigned processors) {
  run_on(processors, [&] {
    channel<int> questions[2];
    channel<int> answers[2];
    std::vector<fiber<>> servers;
    for (int i = 0; i < 2; ++i) {
      servers.emplace_back([&, i] {
        for (const int item : questions[i]) (void)answers[i].send(item);
      });
    }
    int turn = 0;
    int got = 0;
    for (auto _ : state) {
      (void)questions[turn].send(1);
      turn = 1 - turn;
      benchmark::DoNotOptimize(
          sluice::select(answers[0].receiving(got), answers[1].receiving(got)));
    }
    for (auto& each : questions) each.close();
    for (auto& each : servers) (void)each.join();
  });
  count_items(state);
}
[[maybe_unused]] const int registered_select_two = with_one_and_two("select_two", &select_two);

template <class Mutex>
void lock_uncontended(benchmark::State& state) {
  run_on(1, [&] {
    Mutex mutex;
    for (auto _ : state) {
      mutex.lock();
      benchmark::ClobberMemory();
      mutex.unlock();
    }
  });
  count_items(state);
}
void mutex_uncontended(benchmark::State& state) { lock_uncontended<sluice::mutex>(state); }
void std_mutex_uncontended(benchmark::State& state) { lock_uncontended<std::mutex>(state); }
BENCHMARK(mutex_uncontended);
BENCHMARK(std_mutex_uncontended);

// 100 fibers go through one section, each `sections` times a round; `inside` is what they do there.
template <class Inside>
void by_100_fibers(benchmark::State& state, unsigned processors, Inside inside) {
  constexpr int fibers = 100;
  constexpr int sections = 100;
  run_on(processors, [&] {
    sluice::mutex mutex;
    std::int64_t count = 0;
    for (auto _ : state) {
      sluice::task_group group;
      for (int i = 0; i < fibers; ++i) {
        group.go([&] {
          for (int j = 0; j < sections; ++j) {
            const std::lock_guard held(mutex);
            ++count;
            inside();
          }
        });
      }
      (void)group.wait();
    }
    benchmark::DoNotOptimize(count);
  });
  count_items(state, std::int64_t{fibers} * sections);
}
void mutex_100_fibers(benchmark::State& state, unsigned processors) {
  by_100_fibers(state, processors, [] {});
}
void mutex_across_yield(benchmark::State& state, unsigned processors) {
  by_100_fibers(state, processors, [] { sluice::yield(); });
}
[[maybe_unused]] const int registered_mutex_100_fibers =
    with_one_and_two("mutex_100_fibers", &mutex_100_fibers);
[[maybe_unused]] const int registered_mutex_across_yield =
    with_one_and_two("mutex_across_yield", &mutex_across_yield);

// All asleep at once, ten times each; one item is one sleep, in processor time.
void sleepers_100000(benchmark::State& state) {
  constexpr int fibers = 100'000;
  constexpr int sleeps = 10;
  for (auto _ : state) {
    run_on(1, [&] {
      sluice::task_group group;
      for (int i = 0; i < fibers; ++i) {
        group.go([i] {
          for (int j = 0; j < sleeps; ++j) {
            (void)sluice::sleep_for(std::chrono::microseconds(200'000 + i % 1'000));
          }
        });
      }
      (void)group.wait();
    });
  }
  count_items(state, std::int64_t{fibers} * sleeps);
}
BENCHMARK(sleepers_100000)->Iterations(1)->Unit(benchmark::kMillisecond);

void with_deadline(benchmark::State& state) {
  run_on(1, [&] {
    channel<int> items(1);
    const sluice::deadline later = sluice::deadline::in(std::chrono::hours(1));
    for (auto _ : state) {
      sluice::with_deadline(later, [&] {
        (void)items.send(1);
        benchmark::DoNotOptimize(items.try_receive());
      });
    }
  });
  count_items(state);
}
// The same calls without a deadline: what it adds is the difference.
void without_deadline(benchmark::State& state) {
  run_on(1, [&] {
    channel<int> items(1);
    for (auto _ : state) {
      (void)items.send(1);
      benchmark::DoNotOptimize(items.try_receive());
    }
  });
  count_items(state);
}
BENCHMARK(with_deadline);
BENCHMARK(without_deadline);

}  // namespace
}  // namespace bench
