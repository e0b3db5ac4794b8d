// counters.h: what the scheduler's processors have done, told by a running server. A server of ours
// that keeps SIGUSR1 and starts report_counters() in a fiber prints a line of JSON at each signal:
// whoever measures asks before and after, and takes the difference.
//
// This is why the bench has servers beside those of examples/: how evenly the processors work is no
// part of the library's interface.
#pragma once

#include <sluice/signal.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "sched/runtime.h"

namespace bench {

inline void append_counter(std::string& json, std::string_view name,
                           const std::atomic<std::uint64_t>& counter) {
  json.append(json.ends_with('{') ? "\"" : ", \"").append(name).append("\": ");
  // relaxed: figures for people.
  json += std::to_string(counter.load(std::memory_order_relaxed));
}

// Runs until the runtime ends.
inline void report_counters() {
  while (sluice::wait_signal({SIGUSR1})) {
    std::string json = "[";
    for (const sluice::rt::processor& one : sluice::rt::current_runtime()->processors()) {
      json += json.ends_with('[') ? "{" : ", {";
      append_counter(json, "switches", one.switches);
      append_counter(json, "polls", one.counters.polls);
      append_counter(json, "sleeps", one.counters.sleeps);
      append_counter(json, "parks", one.counters.parks);
      append_counter(json, "steals", one.counters.steals);
      append_counter(json, "wakeups", one.counters.wakeups);
      json += '}';
    }
    std::printf("%s]\n", json.c_str());
    std::fflush(stdout);
  }
}

}  // namespace bench
