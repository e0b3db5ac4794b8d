// metrics.h: what the runtime does, in figures: counted since it started, or as it stands now.
//
//   mux.handle("GET /metrics", [](http::response& w, const http::request&) {
//     w.header("Content-Type", sluice::debug::prometheus_type);
//     w.text(sluice::debug::prometheus_text(sluice::debug::metrics()));
//   });
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::debug {

// How often a time was how long.
struct time_histogram {
  // The first bucket counts those of at most 256 ns, each after it those of up to twice as long,
  // the last one those of more than 8.6 s.
  static constexpr std::size_t buckets = 27;
  static constexpr int first_bits = 8;

  std::array<std::uint64_t, buckets> counts{};
  std::chrono::nanoseconds sum{0};

  // Returns  how many there are in all buckets.
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t one : counts) all += one;
    return all;
  }
  // Returns  the longest time that this bucket counts; the last one's is nanoseconds::max().
  [[nodiscard]] static constexpr std::chrono::nanoseconds limit_of(std::size_t bucket) noexcept {
    if (bucket + 1 >= buckets) return std::chrono::nanoseconds::max();
    return std::chrono::nanoseconds(std::int64_t{1} << (first_bits + static_cast<int>(bucket)));
  }
  // Returns  the bucket that counts this time, which is not negative.
  [[nodiscard]] static constexpr std::size_t bucket_of(std::chrono::nanoseconds time) noexcept {
    const auto above = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 1)) - 1;
    const int bits = std::max(static_cast<int>(std::bit_width(above)) - first_bits, 0);
    return std::min(static_cast<std::size_t>(bits), buckets - 1);
  }
};

struct waiting_fibers {
  std::string_view what;  // "receive", "lock": as dump() calls it
  std::uint64_t fibers = 0;
};

struct spawn_place {
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t fibers = 0;
  // Of those that wait, the one whose stack is the fullest: what it uses, and of how much. 0: none
  // waits. Bytes.
  std::uint64_t stack_used = 0;
  std::uint64_t stack_size = 0;
};

// What a walk over all fibers finds.
struct fiber_metrics {
  static constexpr std::size_t most_places = 256;

  std::uint64_t running = 0;
  std::uint64_t runnable = 0;           // will run, or has not begun
  std::vector<waiting_fibers> waiting;  // a line for each kind of wait, also for 0 fibers
  std::vector<spawn_place> places;      // in order of file and line, at most most_places
  std::uint64_t elsewhere = 0;          // fibers of places for which there was no line left

  // Returns  those of all states.
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t all = running + runnable;
    for (const waiting_fibers& each : waiting) all += each.fibers;
    return all;
  }
};

struct runtime_metrics {
  // As it stands.
  std::uint64_t processors = 0;   // 0: no runtime runs, and all else is 0 too
  std::uint64_t threads = 0;      // the runtime's own: a worker for each processor, the monitor
  std::uint64_t fibers = 0;       // alive
  std::uint64_t descriptors = 0;  // sockets and files that the poller knows
  std::uint64_t stacks = 0;       // that have ever been used; free ones are used again
  std::uint64_t warm_stacks = 0;  // of these: free, and with memory
  std::uint64_t stack_space = 0;  // bytes of addresses that stacks have reserved, not of memory
  std::string_view poller;        // "epoll", "io_uring"
  std::optional<fiber_metrics> by_fiber;

  // Since the runtime started; none of these ever falls.
  std::uint64_t spawned = 0;
  std::uint64_t parks = 0;         // fibers that stopped to wait
  std::uint64_t wakes = 0;         // fibers that were made runnable again
  std::uint64_t switches = 0;      // times a fiber began to run, or went on
  std::uint64_t steals = 0;        // fibers taken from another processor
  std::uint64_t polls = 0;         // times a poller was asked
  std::uint64_t reports = 0;       // what the polls brought: descriptors that are ready
  std::uint64_t sleeps = 0;        // times a worker had nothing to do and slept
  std::uint64_t wakeups = 0;       // of these: it was woken because there was work
  std::uint64_t spared_reads = 0;  // reads that waited at once: a system call each, not made
  std::uint64_t monitor_looks = 0;
  // How long after its time each timer fired.
  time_histogram timer_lateness;
  // How long a runnable fiber stands in its processor's queue, until it runs there. A sample: at
  // most one in 100 us and processor, the fiber that came last, or none in an empty queue.
  time_histogram queue_delay;
};

struct metrics_options {
  // Fills by_fiber, by a look at every fiber that ever was alive at the same time: 40 ns each, 0.15
  // to 0.4 us where there are so many (100,000, 1,000,000) that they lie in no cache. All else
  // takes less than 1 us, however many there are.
  bool by_fiber = true;
};

// Returns  the running runtime's figures, read one after another while it runs on; all zero when
//          none runs.
// Blocks   never the fiber; its thread, while another one is in here or in dump().
// Errors   std::bad_alloc.
// Threads  any.
[[nodiscard]] runtime_metrics metrics(const metrics_options& options = {});

// The figures as text for Prometheus, version 0.0.4 of its format: times in seconds, sizes in
// bytes. docs/debug.md lists the names. Bytes of a path that are no UTF-8 become U+FFFD.
//
//   Blocks  never; the text is made before it is written.
//   Errors  std::bad_alloc; what writing throws.
//   Threads any.
[[nodiscard]] std::string prometheus_text(const runtime_metrics& figures);
void write_prometheus(std::ostream& out, const runtime_metrics& figures);

// The Content-Type to serve it with.
inline constexpr std::string_view prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace sluice::debug
