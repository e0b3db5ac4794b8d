// time_tally.h: a histogram of times that one thread at a time adds to, and anybody reads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sluice/metrics.h"

namespace sluice::rt {

class time_tally {
 public:
  // One writer at a time. Units: nanoseconds; less than none counts as none.
  void add(std::int64_t time) noexcept {
    time = std::max<std::int64_t>(time, 0);
    const auto bucket = debug::time_histogram::bucket_of(std::chrono::nanoseconds(time));
    raise(counts_[bucket], 1);
    raise(sum_, static_cast<std::uint64_t>(time));
  }

  // Any thread. What is added meanwhile may be in one figure and not yet in the other.
  void add_to(debug::time_histogram& sums) const noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      sums.counts[i] += counts_[i].load(std::memory_order_relaxed);
    }
    const std::uint64_t sum = sum_.load(std::memory_order_relaxed);
    sums.sum += std::chrono::nanoseconds(static_cast<std::int64_t>(sum));
  }

 private:
  static void raise(std::atomic<std::uint64_t>& word, std::uint64_t amount) noexcept {
    // relaxed: one writer, and tallies order nothing.
    word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, debug::time_histogram::buckets> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

}  // namespace sluice::rt
