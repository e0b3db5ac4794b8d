// this_fiber.cc: what a fiber does about itself: yield, sleep, its number, why it should stop.
#include <ctime>
#include <thread>

#include "sched/worker.h"
#include "sched/worker_tls.h"
#include "sluice/fiber.h"

namespace sluice {

void yield() noexcept {
  rt::worker* const here = rt::current_worker();
  if (here == nullptr || here->current() == nullptr) return std::this_thread::yield();
  rt::check_system_locks(*here->current());
  rt::worker::yield(*here);
}

result<void> sleep_until(time_point when) noexcept {
  rt::parker& self = rt::this_parker();
  const std::int64_t until =
      when == time_point::max()
          ? rt::park_forever
          : std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
  for (;;) {
    if (const auto why = rt::stop_reason(self)) return std::unexpected(error(*why));
    if (time_point::clock::now() >= when) return {};
    rt::park_begin(self, {.kind = rt::wait_kind::sleep, .until = until});
    if (!rt::park_interrupted(self) || !rt::park_withdraw(self)) (void)rt::park(self);
  }
}

namespace this_fiber {

std::uint64_t id() noexcept {
  const rt::control_block* const self = rt::this_fiber_or_null();
  return self != nullptr ? self->number : 0;
}

void set_name(const char* name) noexcept {
  if (rt::control_block* const self = rt::this_fiber_or_null()) self->name = name;
}

bool stop_requested() noexcept { return rt::stop_reason().has_value(); }

std::optional<errc> stop_reason() noexcept { return rt::stop_reason(); }

sluice::deadline current_deadline() noexcept {
  const std::int64_t end = rt::this_parker().scope_end;
  if (end == rt::park_forever) return {};
  return time_point(std::chrono::nanoseconds(end));
}

std::stop_token get_stop_token() { return rt::current_token(); }

shield::shield() noexcept
    : self_(rt::this_parker()),
      // relaxed, all: see parker.
      outer_(self_.innermost.load(std::memory_order_relaxed)),
      outer_end_(self_.scope_end),
      outer_shielded_(self_.shielded.load(std::memory_order_relaxed)) {
  self_.innermost.store(nullptr, std::memory_order_relaxed);
  self_.scope_end = rt::park_forever;
  self_.shielded.store(true, std::memory_order_relaxed);
}

shield::~shield() {
  self_.innermost.store(static_cast<rt::scope*>(outer_), std::memory_order_relaxed);
  self_.scope_end = outer_end_;
  self_.shielded.store(outer_shielded_, std::memory_order_relaxed);
}

}  // namespace this_fiber
}  // namespace sluice
