#include "sluice/trace.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <stdexcept>

#include "debug/trace_json.h"
#include "os/clock.h"
#include "os/ticks.h"
#include "sched/fiber_snapshot.h"
#include "sched/runtime.h"
#include "sched/tracing.h"

namespace sluice::debug {
namespace {

constexpr std::size_t least_events = 64;
constexpr std::size_t most_events = std::size_t{1} << 24;

// Both clocks at one moment, or nearly.
struct moment {
  std::uint64_t ticks = os::ticks_now();
  std::int64_t time = os::monotonic_now();
};

// The runtime, if it still runs.
rt::runtime* find(const rt::runtime_pin& pin, const rt::runtime_id& id) {
  rt::runtime* found = nullptr;
  pin.for_each([&](rt::runtime& one) {
    if (one.id().number == id.number) found = &one;
  });
  return found;
}

}  // namespace

struct trace::recording {
  rt::runtime_id home;
  std::shared_ptr<rt::trace_rings> rings;  // null: it is over
  moment begin;
  recorded_trace result;

  void stop_recording();
  void look_at(rt::runtime& from);
  void collect();
  void take(const rt::trace_ring& from, std::vector<rt::trace_event>& into) {
    const std::uint64_t lost = from.read(into);
    result.lost += lost;
    result.events += into.size();
  }
};

trace::trace(const trace_options& options) : inside_(std::make_unique<recording>()) {
  const std::size_t events = std::bit_ceil(std::clamp(options.events, least_events, most_events));
  const rt::runtime_pin pin;
  rt::runtime* const which = pin.get();
  if (which == nullptr) throw std::logic_error("sluice: there is no runtime to be traced");
  inside_->home = which->id();
  inside_->begin = moment();
  inside_->rings = which->start_tracing(events);
  if (inside_->rings == nullptr) {
    throw std::logic_error("sluice: the runtime is being traced already");
  }
}

trace::~trace() {
  if (inside_->rings == nullptr) return;
  const rt::runtime_pin pin;
  if (rt::runtime* const which = find(pin, inside_->home)) which->stop_tracing(*inside_->rings);
}

void trace::stop() {
  recording& self = *inside_;
  if (self.rings == nullptr) return;
  try {
    self.stop_recording();
    self.collect();
  } catch (...) {
    self.result = {};
    self.rings.reset();
    throw;
  }
  self.rings.reset();
}

void trace::recording::stop_recording() {
  const rt::runtime_pin pin;
  rt::runtime* const which = find(pin, home);
  if (which == nullptr) return;
  which->stop_tracing(*rings);
  look_at(*which);
}

// Who runs has no last event; who lives has told no name.
void trace::recording::look_at(rt::runtime& from) {
  for (const rt::processor& each : from.processors()) {
    const rt::control_block* const running = each.running.load(std::memory_order_relaxed);
    const auto seen = running != nullptr ? rt::look_at(*running) : std::nullopt;
    result.running.push_back(seen ? seen->number : 0);
  }
  rt::for_each_fiber(from, [&](const rt::fiber_snapshot& fiber) {
    result.fibers[fiber.number] = {.name = fiber.name, .file = fiber.file, .line = fiber.line};
  });
}

// Ticks become times by the two moments between which they were counted.
void trace::recording::collect() {
  const moment end;
  result.first_ticks = begin.ticks;
  result.last_ticks = end.ticks;
  const auto ticks = static_cast<double>(std::max<std::uint64_t>(end.ticks - begin.ticks, 1));
  result.nanoseconds_per_tick = static_cast<double>(end.time - begin.time) / ticks;
  for (const auto& each : rings->processors) take(*each, result.processors.emplace_back());
  take(rings->others, result.others);
  result.running.resize(result.processors.size());
}

void trace::write(std::ostream& out) {
  stop();
  write_trace_json(out, inside_->result);
}

std::uint64_t trace::events() const noexcept { return inside_->result.events; }
std::uint64_t trace::lost() const noexcept { return inside_->result.lost; }

}  // namespace sluice::debug
