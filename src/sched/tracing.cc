#include "sched/tracing.h"

#include <algorithm>
#include <iterator>
#include <mutex>

#include "os/syscall_count.h"
#include "os/ticks.h"
#include "sched/runtime.h"
#include "sched/spin_lock.h"
#include "sched/worker.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

// A system call that a fiber makes. The others are the loop's own, or a signal handler's.
void note_call(os::call kind) noexcept {
  if (kind != os::call::read && kind != os::call::write && kind != os::call::accept) return;
  worker* const here = current_worker();
  if (here == nullptr || here->current() == nullptr || !here->enter()) return;
  if (trace_ring* const into = here->own().traced()) {
    into->add({.ticks = os::ticks_now(),
               .fiber = here->current()->number,
               .kind = trace_kind::call,
               .detail = static_cast<std::uint8_t>(kind)});
  }
  here->leave_gate();
}

std::uint16_t at_most_16_bits(std::size_t number) noexcept {
  return static_cast<std::uint16_t>(std::min<std::size_t>(number, 0xffff));
}

constinit os::call_counters calls_to_note{.instead = &note_call};

// How many traces there are. Not a local, whose guard could make a fiber wait.
struct call_watchers {
  spin_lock guard;
  int count = 0;  // GUARDED_BY(guard)
};
constinit call_watchers watchers;

}  // namespace

trace_rings::trace_rings(std::size_t count, std::size_t events) : others(events) {
  for (std::size_t i = 0; i < count; ++i) {
    processors.push_back(std::make_unique<trace_ring>(events));
  }
}

void trace_rings::restart() noexcept {
  for (const auto& each : processors) each->restart();
  others.restart();
}

// A look at the counter is half of what an event costs, so a switch makes one.
void note_run(trace_ring& into, const control_block& next) noexcept {
  const bool is_switch = into.last_kind() == trace_kind::leave;
  into.add({.ticks = is_switch ? into.last_ticks() : os::ticks_now(),
            .fiber = next.number,
            .kind = trace_kind::run});
}

void note_leave(trace_ring& into, const control_block& self, departure why) noexcept {
  trace_event event{.ticks = os::ticks_now(), .fiber = self.number, .kind = trace_kind::leave};
  auto reason = wait_kind::none;
  if (why == departure::parked) reason = self.waiting_for.load(std::memory_order_relaxed);
  if (why == departure::yielded) reason = wait_kind::runnable;
  if (why == departure::finished) {
    event.other = reinterpret_cast<std::uintptr_t>(self.spawn_file);
    event.amount = at_most_16_bits(self.spawn_line);
  }
  event.detail = static_cast<std::uint8_t>(reason);
  into.add(event);
  if (why != departure::finished || self.name == nullptr) return;
  into.add({.ticks = event.ticks,
            .fiber = self.number,
            .other = reinterpret_cast<std::uintptr_t>(self.name),
            .kind = trace_kind::named});
}

// Those whom a poll or the timers make runnable follow it at once.
void note_ready(trace_ring& into, const control_block& fiber, const control_block* by) noexcept {
  const trace_kind last = into.last_kind();
  const bool is_one_of_many =
      by == nullptr && (last == trace_kind::poll_end || last == trace_kind::ready);
  into.add({.ticks = is_one_of_many ? into.last_ticks() : os::ticks_now(),
            .fiber = fiber.number,
            .other = by != nullptr ? by->number : 0,
            .kind = trace_kind::ready});
}

void note_ready_outside(trace_ring& into, const control_block& fiber,
                        const control_block* by) noexcept {
  into.add_shared({.ticks = os::ticks_now(),
                   .fiber = fiber.number,
                   .other = by != nullptr ? by->number : 0,
                   .kind = trace_kind::ready});
}

void note_steal(trace_ring& into, std::uint32_t victim, std::uint32_t amount) noexcept {
  into.add({.ticks = os::ticks_now(),
            .other = victim,
            .amount = at_most_16_bits(amount),
            .kind = trace_kind::steal});
}

void note_poll_begin(trace_ring& into, bool may_sleep) noexcept {
  into.add({.ticks = os::ticks_now(),
            .kind = trace_kind::poll_begin,
            .detail = static_cast<std::uint8_t>(may_sleep)});
}

void note_poll_end(trace_ring& into, std::size_t reports) noexcept {
  into.add(
      {.ticks = os::ticks_now(), .amount = at_most_16_bits(reports), .kind = trace_kind::poll_end});
}

void note_timers(trace_ring& into, std::uint32_t amount) noexcept {
  into.add(
      {.ticks = os::ticks_now(), .amount = at_most_16_bits(amount), .kind = trace_kind::timers});
}

// A test that counts system calls keeps its counters.
void note_calls(bool on) noexcept {
  const std::lock_guard held(watchers.guard);
  watchers.count += on ? 1 : -1;
  os::call_counters* expected = on ? nullptr : &calls_to_note;
  if (watchers.count != (on ? 1 : 0)) return;
  // release: pairs with count_call's load.
  (void)os::active_call_counters.compare_exchange_strong(expected, on ? &calls_to_note : nullptr,
                                                         std::memory_order_release,
                                                         std::memory_order_relaxed);
}

// ---- the runtime's part

void runtime::note_outside(const control_block& fiber) const noexcept {
  // acquire: pairs with start_tracing.
  trace_ring* const into = traced_outside_.load(std::memory_order_acquire);
  if (into == nullptr) [[likely]]
    return;
  // Numbers are each runtime's own.
  const control_block* const by = this_fiber_or_null();
  note_ready_outside(*into, fiber, by != nullptr && by->home == fiber.home ? by : nullptr);
}

std::shared_ptr<trace_rings> runtime::start_tracing(std::size_t events) {
  const std::lock_guard held(tracing_);
  if (tracing_into_ != nullptr) return nullptr;
  const auto is_free = [&](const std::shared_ptr<trace_rings>& each) {
    return each.use_count() == 1 && each->others.size() == events;
  };
  auto into = std::ranges::find_if(rings_, is_free);
  if (into == rings_.end()) {
    rings_.push_back(std::make_shared<trace_rings>(processor_count_, events));
    into = std::prev(rings_.end());
  }
  trace_rings& rings = **into;
  rings.restart();
  tracing_into_ = &rings;
  note_calls(true);
  // release, both: whoever finds a ring finds it made.
  traced_outside_.store(&rings.others, std::memory_order_release);
  for (std::uint32_t i = 0; i < processor_count_; ++i) {
    processors_[i].trace.store(rings.processors[i].get(), std::memory_order_release);
  }
  return *into;
}

void runtime::stop_tracing(const trace_rings& into) noexcept {
  const std::lock_guard held(tracing_);
  if (tracing_into_ != &into) return;
  tracing_into_ = nullptr;
  for (processor& each : processors()) each.trace.store(nullptr, std::memory_order_relaxed);
  traced_outside_.store(nullptr, std::memory_order_relaxed);
  note_calls(false);
}

}  // namespace sluice::rt
