// trace_json.h: recorded events as Chrome's trace events: a track for each processor, on which the
// fibers that run are slices, the polls another kind of slices below none, and the rest is marks;
// arrows lead from where a fiber was made runnable to where it runs.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <unordered_map>
#include <vector>

#include "sched/trace_ring.h"

namespace sluice::debug {

struct traced_fiber {
  const char* name = nullptr;
  const char* file = nullptr;
  std::uint32_t line = 0;
};

struct recorded_trace {
  std::uint64_t first_ticks = 0;
  std::uint64_t last_ticks = 0;
  double nanoseconds_per_tick = 1;
  std::vector<std::vector<rt::trace_event>> processors;
  std::vector<rt::trace_event> others;
  std::vector<std::uint64_t> running;  // who ran on each processor when it stopped; 0: nobody
  // Those that lived when it stopped; who has ended says so in its last event.
  std::unordered_map<std::uint64_t, traced_fiber> fibers;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
};

void write_trace_json(std::ostream& out, const recorded_trace& trace);

}  // namespace sluice::debug
