// model_memory.h: the memory that a model runs on: C++'s, with everything that it lets happen.
//
// Each atomic location keeps all stores in their modification order. A load may take any store that
// is not hidden from it; each such choice is explored. What hides a store from a load B is a later
// store W of the same location (in modification order), when
//
//   coherence    somebody has written or read W, and that happened before B
//   S, a load    B is seq_cst, and W is seq_cst or happened before a seq_cst fence
//   S, a fence   a seq_cst fence X happened before B, and W is seq_cst and came before X, or
//                happened before a seq_cst fence that came before X
//
// "Happened before" is a vector clock: a release store carries its thread's clock,
// read-modify-write continues a release sequence, an acquiring load joins what the store carries;
// fences do both for the relaxed accesses around them. These are the rules of C++20
// [atomics.order], with one approximation: modification order and the order S of seq_cst operations
// are the order in which the model executes. All interleavings are explored, so all such orders
// are; what is not seen are executions in which program order, reads-from, modification order and S
// together form a cycle (load buffering, 2+2W with relaxed stores). The direction: a failure is
// always one that C++ allows; a model that passes says nothing of such cycles. (Known from loom and
// CDSChecker.)
//
// Plain data (`cell`) is checked for data races by the same clocks, whatever order the model
// happened to run the accesses in.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::model {

// The scenario's constructor runs as thread 0.
inline constexpr std::size_t max_threads = 11;

using stamp = std::uint16_t;

inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

class clock {
 public:
  void join(const clock& other) noexcept {
    for (std::size_t i = 0; i < times_.size(); ++i) {
      times_[i] = times_[i] < other.times_[i] ? other.times_[i] : times_[i];
    }
  }
  [[nodiscard]] stamp at(std::size_t thread) const noexcept { return times_[thread]; }
  stamp tick(std::size_t thread) noexcept { return ++times_[thread]; }
  // True if anything in `seen`, which holds a stamp for each thread or 0, happened before.
  [[nodiscard]] bool covers_any(const std::array<stamp, max_threads>& seen) const noexcept;
  [[nodiscard]] bool covers_all(const std::array<stamp, max_threads>& seen) const noexcept;
  // The number, in S, of the last seq_cst fence that happened before.
  [[nodiscard]] stamp fence() const noexcept { return times_[max_threads]; }
  void set_fence(stamp number) noexcept { times_[max_threads] = number; }
  void meet(const clock& other) noexcept {
    for (std::size_t i = 0; i < times_.size(); ++i) {
      times_[i] = times_[i] < other.times_[i] ? times_[i] : other.times_[i];
    }
  }

 private:
  std::array<stamp, max_threads + 1> times_{};
};

class memory {
 public:
  void reset();

  // Locations: atomics.
  std::size_t add_location(std::uint64_t value);
  [[nodiscard]] std::size_t newest(std::size_t location) const;
  [[nodiscard]] std::size_t oldest_readable(std::size_t location, std::size_t thread,
                                            std::memory_order order) const;
  [[nodiscard]] std::uint64_t peek(std::size_t location, std::size_t index) const;
  std::uint64_t read(std::size_t location, std::size_t index, std::size_t thread,
                     std::memory_order order);
  // `continues`: the store of a read-modify-write that has read the newest one.
  void write(std::size_t location, std::uint64_t value, std::size_t thread, std::memory_order order,
             bool continues);
  // A seq_cst fence.
  void fence(std::size_t thread);

  // How many stores there have been, and the newest one at `location` when there were `count`.
  [[nodiscard]] std::size_t stores() const { return stores_; }
  [[nodiscard]] std::size_t newest_at(std::size_t location, std::size_t count) const;
  // A hash of the values of that time.
  [[nodiscard]] std::uint64_t digest_at(std::size_t count) const;

  // Cells: plain data. read and write return false on a data race.
  std::size_t add_cell(std::uint64_t value);
  [[nodiscard]] bool read_cell(std::size_t cell, std::size_t thread, std::uint64_t& value);
  [[nodiscard]] bool write_cell(std::size_t cell, std::size_t thread, std::uint64_t value);

  // Ghosts: the model's own notes, invisible to the threads' ordering.
  std::size_t add_ghost(std::uint64_t value);
  [[nodiscard]] std::uint64_t& ghost(std::size_t index) { return ghosts_[index]; }

  // Channels: posts that waits take in their order; each carries its clock.
  std::size_t add_channel();
  [[nodiscard]] bool available(std::size_t channel) const;
  void post(std::size_t channel, std::size_t thread);
  void take(std::size_t channel, std::size_t thread);

  // Thread 0 starts all others, and takes everything back at the end.
  void start_thread(std::size_t thread);
  void join_thread(std::size_t thread);
  // A hash of everything, as far as it can still matter to the `live` threads.
  [[nodiscard]] std::uint64_t digest(std::span<const std::uint8_t> live) const;
  // The same when every load takes the newest store: no clock matters.
  [[nodiscard]] std::uint64_t digest_of_values() const;

 private:
  // A thread's time goes on after each release: what it did before is covered by whoever takes
  // that release, what it does afterwards is not.
  void tick(std::size_t thread) { views_[thread].now.tick(thread); }

  static constexpr stamp never = 0xffff;

  struct view {
    clock now;
    clock acquirable;  // what relaxed loads have found: an acquire fence takes it
    clock released;    // at the last release fence: relaxed stores carry it
  };
  struct store_record {
    std::uint64_t value = 0;
    stamp time = 0;
    stamp ordered = never;  // how many seq_cst fences came before it in S, if it is bound to S
    std::uint8_t writer = 0;
    std::size_t number = 0;  // among all stores; no part of the state
    clock released;
    std::array<stamp, max_threads> seen{};  // when each thread first read or wrote it
  };
  struct location_record {
    std::vector<store_record> stores;
  };
  struct cell_record {
    std::uint64_t value = 0;
    std::array<stamp, max_threads> written{};  // the last write only
    std::array<stamp, max_threads> read{};     // since that write
  };
  struct channel_record {
    std::vector<clock> posts;
    std::size_t taken = 0;
  };

  // Calls visit.stamp(column, stamp) and visit.value(value) for all that digest() is about.
  template <class Visitor>
  void walk(Visitor& visit, std::span<const std::uint8_t> live) const;
  template <class Visitor>
  void walk_location(Visitor& visit, std::size_t index, std::span<const std::uint8_t> live) const;
  template <class Visitor>
  static void walk_clock(Visitor& visit, const clock& times, const clock& base);

  // Emptied and used again for each execution, so that exploring does not allocate.
  std::vector<location_record> locations_;
  std::vector<channel_record> channels_;
  std::size_t used_locations_ = 0;
  std::size_t used_channels_ = 0;
  std::vector<cell_record> cells_;
  std::vector<std::uint64_t> ghosts_;
  std::array<view, max_threads> views_{};
  stamp fences_ = 0;
  std::size_t stores_ = 0;
};

}  // namespace sluice::model
