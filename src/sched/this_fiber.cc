// this_fiber.cc: what a fiber does about itself: yield, sleep, its number, shields.
#include <ctime>
#include <thread>

#include "sched/worker.h"
#include "sched/worker_tls.h"
#include "sluice/fiber.h"

namespace sluice {

void yield() noexcept {
  rt::worker* const here = rt::current_worker();
  if (here == nullptr || here->current() == nullptr) return std::this_thread::yield();
  rt::worker::yield(*here);
}

result<void> sleep_until(time_point when) noexcept {
  if (rt::stop_requested()) return std::unexpected(error(errc::operation_canceled));
  const std::int64_t until =
      when == time_point::max()
          ? rt::park_forever
          : std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
  rt::parker& self = rt::this_parker();
  while (time_point::clock::now() < when) {
    rt::park_begin(self, {.kind = rt::wait_kind::sleep, .until = until});
    if (rt::park_interrupted(self) && rt::park_withdraw(self)) {
      return std::unexpected(error(errc::operation_canceled));
    }
    (void)rt::park(self);
    if (rt::stop_requested()) return std::unexpected(error(errc::operation_canceled));
  }
  return {};
}

namespace this_fiber {

std::uint64_t id() noexcept {
  const rt::control_block* const self = rt::this_fiber_or_null();
  return self != nullptr ? self->number : 0;
}

bool stop_requested() noexcept { return rt::stop_requested(); }

shield::shield() noexcept : control_(rt::this_fiber_or_null()) {
  if (control_ != nullptr) ++static_cast<rt::control_block*>(control_)->shields;
}

shield::~shield() {
  if (control_ != nullptr) --static_cast<rt::control_block*>(control_)->shields;
}

}  // namespace this_fiber
}  // namespace sluice
