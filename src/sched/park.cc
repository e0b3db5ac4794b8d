#include "sched/park.h"

#include <bit>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "os/clock.h"
#include "os/futex.h"
#include "sched/runtime.h"
#include "sched/timers.h"
#include "sched/worker_switch.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

// The flags are the low half of the park word, which the futex can sleep on.
static_assert(std::endian::native == std::endian::little, "the flags must come first");
const std::atomic<std::uint32_t>& flags_word(const parker& of) noexcept {
  return *static_cast<const std::atomic<std::uint32_t>*>(of.word.address());
}

bool is_released(std::uint32_t flags) noexcept { return (flags & park_word::released) != 0; }

// A plain thread's park: 4 and 5 of the recipe on a futex.
void sleep_thread(parker& self, std::int64_t until) noexcept {
  if (self.word.save()) return;
  std::uint32_t flags = self.word.flags();
  while (!is_released(flags)) {
    if (until >= park_forever) {
      os::futex_wait(flags_word(self), flags);
    } else if (!os::futex_wait_until(flags_word(self), flags, until)) {
      // The deadline competes like any other waker; the loser goes on waiting for the winner.
      (void)self.word.claim_and_release(self.word.epoch(), wake_reason::deadline);
      until = park_forever;
    }
    flags = self.word.flags();
  }
}

// Inlined: see worker_switch.h.
[[gnu::always_inline]] inline void park_fiber(control_block& self) noexcept {
  const std::int64_t until = self.park_deadline.load(std::memory_order_relaxed);
  if (until < park_forever) {
    arm_timer(*current_runtime(), self.park_timer, until);
    worker::leave(&self, departure::parked);
    self.park_timer.word.stop();
  } else {
    worker::leave(&self, departure::parked);
  }
}

}  // namespace

const char* name_of(wait_kind kind) noexcept {
  switch (kind) {
    case wait_kind::none:
      return "nothing";
    case wait_kind::starting:
      return "starting";
    case wait_kind::runnable:
      return "runnable";
    case wait_kind::running:
      return "running";
    case wait_kind::sleep:
      return "sleep";
    case wait_kind::join:
      return "join";
    case wait_kind::read:
      return "read";
    case wait_kind::write:
      return "write";
    case wait_kind::accept:
      return "accept";
    case wait_kind::dial:
      return "dial";
    case wait_kind::lock:
      return "lock";
    case wait_kind::read_lock:
      return "read lock";
    case wait_kind::write_lock:
      return "write lock";
    case wait_kind::initializer:
      return "static initializer";
    case wait_kind::condition:
      return "condition";
    case wait_kind::group:
      return "wait group";
    case wait_kind::permit:
      return "permit";
    case wait_kind::event:
      return "event";
    case wait_kind::phase:
      return "phase";
    case wait_kind::send:
      return "send";
    case wait_kind::receive:
      return "receive";
    case wait_kind::select:
      return "select";
    case wait_kind::turn:
      return "its turn on a connection";
    case wait_kind::close:
      return "close";
    case wait_kind::linger:
      return "close that lingers";
    case wait_kind::signal:
      return "signal";
    case wait_kind::pipe:
      return "pipe";
    case wait_kind::foreign:
      return "wait_fd";
  }
  return "unknown";
}

control_block* this_fiber_or_null() noexcept {
  worker* const here = current_worker();
  return here != nullptr ? here->current() : nullptr;
}

parker& this_parker() noexcept {
  if (control_block* self = this_fiber_or_null()) return *self;
  return plain_thread_parker();
}

void check_system_locks([[maybe_unused]] const parker& self) noexcept {
#ifndef NDEBUG
  if (self.is_fiber && self.system_locks != 0) {
    misuse("a fiber waits, yields or ends while it holds a debug::checked_std_mutex");
  }
#endif
}

wake_reason park(parker& self) noexcept {
  check_system_locks(self);
  if (self.is_fiber) {
    park_fiber(static_cast<control_block&>(self));
  } else {
    sleep_thread(self, static_cast<thread_parker&>(self).until);
  }
  race_acquire(&self);
  return self.word.finish();
}

void ready(parker& target) noexcept {
  if (target.is_fiber) {
    auto& fiber = static_cast<control_block&>(target);
    runtime_at(fiber.home).make_runnable(&fiber);
  } else {
    os::futex_wake(target.word.address(), 1);
  }
}

bool wake(parker& target, std::uint32_t epoch, wake_reason reason) noexcept {
  race_release(&target);
  const claim_result result = target.word.claim_and_release(epoch, reason);
  if (result == claim_result::runnable) ready(target);
  return result != claim_result::lost;
}

std::optional<errc> stop_reason(const parker& self) noexcept {
  if (park_interrupted(self)) return errc::operation_canceled;
  if (self.scope_end != park_forever && os::has_passed(self.scope_end)) {
    return errc::deadline_exceeded;
  }
  return std::nullopt;
}

std::optional<errc> stop_reason() noexcept { return stop_reason(this_parker()); }

}  // namespace sluice::rt
