#include "sluice/metrics.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "sched/fiber_snapshot.h"
#include "sched/runtime.h"

namespace sluice::debug {
namespace {

// Where fibers were spawned, by text: one place in a header has a name in every file that
// includes it.
struct by_place {
  bool operator()(const std::pair<const char*, std::uint32_t>& a,
                  const std::pair<const char*, std::uint32_t>& b) const noexcept {
    const int order = a.first == b.first ? 0 : std::strcmp(a.first, b.first);
    return order != 0 ? order < 0 : a.second < b.second;
  }
};

class walk {
 public:
  void take(const rt::fiber_snapshot& fiber) {
    ++states_[static_cast<std::size_t>(fiber.kind)];
    spawn_place* const place = place_of(fiber);
    if (place == nullptr) {
      ++found_.elsewhere;
      return;
    }
    ++place->fibers;
    if (fiber.stack_used <= place->stack_used) return;
    place->stack_used = fiber.stack_used;
    place->stack_size = fiber.stack_bytes;
  }

  [[nodiscard]] fiber_metrics result() && {
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const auto kind = static_cast<rt::wait_kind>(i);
      if (rt::is_wait(kind)) found_.waiting.push_back({rt::name_of(kind), states_[i]});
    }
    found_.running = state(rt::wait_kind::running);
    found_.runnable = state(rt::wait_kind::runnable) + state(rt::wait_kind::starting);
    found_.places.reserve(places_.size());
    for (auto& [where, place] : places_) {
      place.file = where.first;
      place.line = where.second;
      found_.places.push_back(std::move(place));
    }
    return std::move(found_);
  }

 private:
  // Nullptr: there are too many.
  [[nodiscard]] spawn_place* place_of(const rt::fiber_snapshot& fiber) {
    const std::pair key(fiber.file, fiber.line);
    const auto known = places_.find(key);
    if (known != places_.end()) return &known->second;
    if (places_.size() == fiber_metrics::most_places) return nullptr;
    return &places_[key];
  }
  [[nodiscard]] std::uint64_t state(rt::wait_kind kind) const noexcept {
    return states_[static_cast<std::size_t>(kind)];
  }

  std::array<std::uint64_t, rt::wait_kinds> states_{};
  std::map<std::pair<const char*, std::uint32_t>, spawn_place, by_place> places_;
  fiber_metrics found_;
};

void add_counters(runtime_metrics& sums, const rt::processor_counters& from) noexcept {
  const auto add = [](std::uint64_t& sum, const std::atomic<std::uint64_t>& counter) {
    // relaxed: a tally that orders nothing.
    sum += counter.load(std::memory_order_relaxed);
  };
  add(sums.spawned, from.spawned);
  add(sums.parks, from.parks);
  add(sums.wakes, from.wakes);
  add(sums.steals, from.steals);
  add(sums.polls, from.polls);
  add(sums.reports, from.reports);
  add(sums.sleeps, from.sleeps);
  add(sums.wakeups, from.wakeups);
  add(sums.spared_reads, from.spared_reads);
}

void count(runtime_metrics& sums, rt::runtime& owner) noexcept {
  add_counters(sums, owner.outside());
  for (const rt::processor& each : owner.processors()) {
    add_counters(sums, each.counters);
    sums.switches += each.switches.load(std::memory_order_relaxed);
    each.timer_lateness.add_to(sums.timer_lateness);
    each.queue_delay.add_to(sums.queue_delay);
  }
}

}  // namespace

runtime_metrics metrics(const metrics_options& options) {
  runtime_metrics sums;
  const rt::runtime_pin pin;
  if (pin.get() == nullptr) return sums;
  rt::runtime& owner = *pin.get();
  const runtime_stats known = owner.stats();
  sums.processors = known.processors;
  sums.threads = known.workers + (owner.options().monitor ? 1U : 0U);
  sums.fibers = known.fibers;
  sums.descriptors = known.descriptors;
  sums.poller = known.poller;
  sums.monitor_looks = known.monitor_looks;
  const auto stacks = owner.stacks().reserved();
  sums.stacks = stacks.stacks;
  sums.stack_space = stacks.mapped;
  sums.warm_stacks = owner.stacks().warm_count();
  count(sums, owner);
  if (options.by_fiber) {
    walk found;
    rt::for_each_fiber(owner, [&](const rt::fiber_snapshot& fiber) { found.take(fiber); });
    sums.by_fiber = std::move(found).result();
  }
  return sums;
}

}  // namespace sluice::debug
