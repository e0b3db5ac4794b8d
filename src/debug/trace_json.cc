#include "debug/trace_json.h"

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>

#include "debug/label_text.h"
#include "os/syscall_count.h"
#include "sched/control_block.h"

namespace sluice::debug {
namespace {

using rt::trace_event;
using rt::trace_kind;

// Threads that hold no processor; the processors follow.
constexpr int outside = 0;
constexpr int first_processor = 1;

std::string json_text(std::string_view value) {
  std::string text;
  // It has escaped what JSON escapes in the same way, and mended what is no UTF-8.
  for (const char each : label_text(value)) {
    if (static_cast<unsigned char>(each) >= 0x20) {
      text += each;
      continue;
    }
    char escaped[8];
    (void)std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(each));
    text += escaped;
  }
  return text;
}

const char* name_of(os::call kind) noexcept {
  switch (kind) {
    case os::call::read:
      return "read";
    case os::call::write:
      return "write";
    case os::call::accept:
      return "accept";
    default:
      return "system call";
  }
}

class writer {
 public:
  writer(std::ostream& out, const recorded_trace& trace) : out_(out), trace_(trace) {
    fibers_ = trace.fibers;
    for (std::size_t i = 0; i < trace.processors.size(); ++i) {
      note_the_ended(trace.processors[i]);
      note_runs(track_of(i), trace.processors[i]);
    }
    for (auto& [fiber, runs] : runs_) std::ranges::sort(runs, {}, &run::ticks);
  }

  // As bytes throughout: neither the stream's flags nor anybody's locale have a say in JSON.
  void all() {
    put("{\"displayTimeUnit\":\"ns\",\"otherData\":{\"lost\":" + std::to_string(trace_.lost) +
        "},\"traceEvents\":[\n");
    name_track(outside, "other threads");
    for (const trace_event& each : trace_.others) ready(outside, each);
    for (std::size_t i = 0; i < trace_.processors.size(); ++i) {
      const int track = track_of(i);
      name_track(track, "processor " + std::to_string(i));
      processor(track, trace_.processors[i], trace_.running[i]);
    }
    put("\n]}\n");
  }

 private:
  void note_the_ended(const std::vector<trace_event>& events) {
    for (const trace_event& each : events) {
      const bool is_end = each.kind == trace_kind::leave && each.other != 0;
      if (!is_end && each.kind != trace_kind::named) continue;
      auto& known = fibers_[each.fiber];
      const auto* const text =
          reinterpret_cast<const char*>(static_cast<std::uintptr_t>(each.other));
      (is_end ? known.file : known.name) = text;
      if (is_end) known.line = each.amount;
    }
  }

  static int track_of(std::size_t processor) noexcept {
    return first_processor + static_cast<int>(processor);
  }

  void note_runs(int track, const std::vector<trace_event>& events) {
    for (const trace_event& each : events) {
      if (each.kind != trace_kind::run) continue;
      runs_[each.fiber].push_back({each.ticks, track, time_of(each)});
    }
  }

  // Nanoseconds since the beginning, which what was noted at that very moment may precede.
  [[nodiscard]] std::int64_t time_at(std::uint64_t count) const {
    const auto ticks = static_cast<double>(static_cast<std::int64_t>(count - trace_.first_ticks));
    return static_cast<std::int64_t>(std::max(0.0, ticks * trace_.nanoseconds_per_tick));
  }
  [[nodiscard]] std::int64_t time_of(const trace_event& event) const {
    return time_at(event.ticks);
  }

  void put(std::string_view text) {
    out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  }

  // The format counts in microseconds.
  static std::string microseconds(std::int64_t time) {
    std::string text = std::to_string(time / 1000) + ".000";
    const std::string rest = std::to_string(time % 1000);
    text.replace(text.size() - rest.size(), rest.size(), rest);
    return text;
  }

  // `rest`: members besides, each behind a comma.
  void event(const char* phase, int track, std::int64_t time, std::string_view name,
             std::string_view rest) {
    std::string text = any_ ? ",\n" : "";
    any_ = true;
    text.append("{\"ph\":\"").append(phase).append("\",\"pid\":1,\"tid\":");
    text.append(std::to_string(track)).append(",\"ts\":").append(microseconds(time));
    text.append(",\"name\":\"").append(name).append("\"").append(rest).append("}");
    put(text);
  }

  void name_track(int track, std::string_view name) {
    event("M", track, 0, "thread_name", ",\"args\":{\"name\":\"" + std::string(name) + "\"}");
    event("M", track, 0, "thread_sort_index",
          ",\"args\":{\"sort_index\":" + std::to_string(track) + "}");
  }

  void slice(int track, std::int64_t from, std::int64_t to, std::string_view name,
             const std::string& args) {
    const std::string length = microseconds(std::max<std::int64_t>(0, to - from));
    event("X", track, from, name, ",\"dur\":" + length + ",\"args\":{" + args + "}");
  }

  void mark(int track, std::int64_t time, std::string_view name, const std::string& args) {
    event("i", track, time, name, ",\"s\":\"t\",\"args\":{" + args + "}");
  }

  [[nodiscard]] std::string title_of(std::uint64_t fiber) const {
    const auto known = fibers_.find(fiber);
    std::string title = "fiber " + std::to_string(fiber);
    if (known != fibers_.end() && known->second.name != nullptr) {
      title += " " + json_text(known->second.name);
    }
    return title;
  }

  [[nodiscard]] std::string about(std::uint64_t fiber) const {
    const auto known = fibers_.find(fiber);
    if (known == fibers_.end() || known->second.file == nullptr) return {};
    return ",\"spawned at\":\"" + json_text(known->second.file) + ":" +
           std::to_string(known->second.line) + '"';
  }

  // And an arrow to the fiber's next run, if that was recorded.
  void ready(int track, const trace_event& noted) {
    const std::int64_t time = time_of(noted);
    std::string by = "\"by\":\"";
    by += noted.other != 0 ? title_of(noted.other) : "no fiber";
    mark(track, time, "wakes " + title_of(noted.fiber), by + '"');
    const auto known = runs_.find(noted.fiber);
    if (known == runs_.end()) return;
    const auto next = std::ranges::lower_bound(known->second, noted.ticks, {}, &run::ticks);
    if (next == known->second.end()) return;
    const std::string id = ",\"cat\":\"wake\",\"id\":" + std::to_string(++arrows_);
    event("s", track, time, "wakes", id);
    event("f", next->track, std::max(next->time, time), "wakes", ",\"bp\":\"e\"" + id);
  }

  struct running {
    std::uint64_t fiber = 0;  // 0: nobody
    std::int64_t since = 0;
  };

  void leave(int track, const trace_event& noted, const running& now) {
    if (now.fiber != noted.fiber) return;
    const auto reason = static_cast<rt::wait_kind>(noted.detail);
    std::string why = "\"leaves for\":\"";
    why += reason == rt::wait_kind::none       ? "its end"
           : reason == rt::wait_kind::runnable ? "a yield"
                                               : rt::name_of(reason);
    slice(track, now.since, time_of(noted), title_of(noted.fiber), why + '"' + about(noted.fiber));
  }

  // Who ran when it began, if nothing is missing since: the first that leaves without having come,
  // or who runs still and has not come.
  [[nodiscard]] running first_of(const std::vector<trace_event>& events,
                                 std::uint64_t at_the_end) const {
    if (trace_.lost != 0) return {};
    for (const trace_event& each : events) {
      if (each.kind == trace_kind::run) return {};
      if (each.kind == trace_kind::leave) return {.fiber = each.fiber};
    }
    return {.fiber = at_the_end};
  }

  void processor(int track, const std::vector<trace_event>& events, std::uint64_t at_the_end) {
    running now = first_of(events, at_the_end);
    trace_event poll;
    bool polls = false;
    for (const trace_event& each : events) {
      const std::int64_t time = time_of(each);
      switch (each.kind) {
        case trace_kind::run:
          now = {.fiber = each.fiber, .since = time};
          break;
        case trace_kind::leave:
          leave(track, each, now);
          now = {};
          break;
        case trace_kind::named:
          break;
        case trace_kind::ready:
          ready(track, each);
          break;
        case trace_kind::steal:
          mark(track, time, "steals",
               "\"from processor\":" + std::to_string(each.other) +
                   ",\"fibers\":" + std::to_string(each.amount));
          break;
        case trace_kind::poll_begin:
          poll = each;
          polls = true;
          break;
        case trace_kind::poll_end:
          if (!polls) break;
          slice(track, time_of(poll), time, poll.detail != 0 ? "sleeps in the poller" : "polls",
                "\"reports\":" + std::to_string(each.amount));
          polls = false;
          break;
        case trace_kind::timers:
          mark(track, time, "timers", "\"fibers\":" + std::to_string(each.amount));
          break;
        case trace_kind::call:
          mark(track, time, name_of(static_cast<os::call>(each.detail)), "");
          break;
      }
    }
    if (now.fiber == 0) return;
    slice(track, now.since, time_at(trace_.last_ticks), title_of(now.fiber),
          "\"still runs\":true" + about(now.fiber));
  }

  struct run {
    std::uint64_t ticks;
    int track;
    std::int64_t time;
  };

  std::ostream& out_;
  const recorded_trace& trace_;
  std::unordered_map<std::uint64_t, traced_fiber> fibers_;
  std::unordered_map<std::uint64_t, std::vector<run>> runs_;  // in the order of time
  std::uint64_t arrows_ = 0;
  bool any_ = false;
};

}  // namespace

void write_trace_json(std::ostream& out, const recorded_trace& trace) { writer(out, trace).all(); }

}  // namespace sluice::debug
