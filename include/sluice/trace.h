// trace.h: what the scheduler does, event by event, for a viewer of traces.
//
//   sluice::debug::trace recorded;
//   work();
//   recorded.write(file);  // for https://ui.perfetto.dev or chrome://tracing
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>

namespace sluice::debug {

struct trace_options {
  // How many events are kept for each processor, the last ones; rounded up to a power of two, at
  // most 2^24. One takes 32 bytes; a message through a server makes some six.
  std::size_t events = std::size_t{1} << 16;
};

// Records what the caller's runtime does (runtime.h) from construction to stop(): which fiber runs
// on which processor and why it stops, who makes whom runnable, thefts, polls, timers, and the
// library's reads, writes and accepts. One at a time in a runtime. Without one it costs nothing
// that can be measured; with one, a few percent (docs/debug.md).
class trace {
 public:
  // Errors: std::logic_error: no runtime runs, or it is recorded already; std::bad_alloc.
  // Threads: any.
  explicit trace(const trace_options& options = {});
  // Stops, if it has not.
  ~trace();
  trace(const trace&) = delete;
  trace& operator=(const trace&) = delete;

  // Nothing is recorded from now on. A second call does nothing; the end of the runtime stops it
  // too.
  //
  //   Blocks   never
  //   Errors   std::bad_alloc: nothing was recorded
  //   Threads  any, one at a time, as those below
  void stop();

  // Stops, and writes what was recorded as Chrome's trace events in JSON. The fibers' names and
  // spawn places are those of fibers that live when it stops, or have ended meanwhile.
  //
  //   Errors   as stop(); what writing throws
  void write(std::ostream& out);

  // Returns  how many events were recorded, and how many of the oldest gave way to later ones. 0
  //          until it has stopped.
  [[nodiscard]] std::uint64_t events() const noexcept;
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  struct recording;
  std::unique_ptr<recording> inside_;
};

}  // namespace sluice::debug
