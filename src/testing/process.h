// process.h: what the kernel says about this process, for tests that look for leaks.
#pragma once

#include <chrono>
#include <cstddef>
#include <thread>

namespace sluice::testing {

struct process_counts {
  std::size_t threads = 0;
  std::size_t descriptors = 0;
  std::size_t mappings = 0;
  std::size_t resident_bytes = 0;
};

[[nodiscard]] process_counts process_state();

// As process_state(), once no more threads than `threads` are counted, or after five seconds: a
// kernel counts a thread for a moment after its join.
[[nodiscard]] inline process_counts settled_process_state(std::size_t threads) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (;;) {
    const process_counts now = process_state();
    if (now.threads <= threads || std::chrono::steady_clock::now() >= limit) return now;
    std::this_thread::yield();
  }
}

// How many of the whole pages in these bytes have memory.
[[nodiscard]] std::size_t resident_pages(void* begin, std::size_t bytes);

}  // namespace sluice::testing
