// crowd.h: fibers and plain threads at the same thing.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"

namespace sluice::testing {

struct crowd {
  int fibers = 0;
  int threads = 0;

  [[nodiscard]] int size() const { return fibers + threads; }
};

// Who waits for whom: fibers for fibers, threads for threads, and each for the other.
inline constexpr crowd only_fibers{.fibers = 6, .threads = 0};
inline constexpr crowd only_threads{.fibers = 0, .threads = 4};
inline constexpr crowd both{.fibers = 4, .threads = 3};

// Calls `work(number)` once in each fiber and each thread; returns when all are through.
template <class Work>
void together(const crowd& who, const run_options& options, Work work) {
  std::atomic<int> threads_left{who.threads};
  std::vector<std::jthread> threads;
  for (int i = 0; i < who.threads; ++i) {
    threads.emplace_back([&, i] {
      work(who.fibers + i);
      threads_left.fetch_sub(1);
    });
  }
  run(
      [&] {
        std::vector<fiber<>> fibers;
        for (int i = 0; i < who.fibers; ++i) fibers.emplace_back([&, i] { work(i); });
        for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
        // The threads make fibers runnable: the runtime outlives them.
        while (threads_left.load() != 0) yield();
      },
      options);
}

}  // namespace sluice::testing
