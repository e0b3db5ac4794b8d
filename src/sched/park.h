// park.h: park and ready, the only two ways in which a fiber stops and starts again. Everything
// that blocks (sync, net, io) is written with what stands here; the recipes are in park_word.h.
//
// The shape of every wait:
//
//   parker& self = this_parker();
//   park_begin(self, {.kind = wait_kind::read, .on = &desc, .until = d, .stoppable = true});
//   ... enter the slot or the queue, with {self, self.word.epoch()} ...
//   if (reason to give up: closing, or park_interrupted(self)) {
//     ... leave the slot or queue ...
//     if (park_withdraw(self)) return the reason;     // else: somebody has woken us, go on
//   }
//   wake_reason why = park(self);
//   ... leave the slot or queue if still in it ...
//
// Plain threads do the same: they sleep on a futex, and nobody stops them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "fiber/sanitizer.h"
#include "sched/control_block.h"
#include "sched/scope.h"
#include "sluice/error.h"

namespace sluice::rt {

struct park_request {
  wait_kind kind = wait_kind::none;
  const void* on = nullptr;
  // Absolute, monotonic nanoseconds; park_forever for none.
  std::int64_t until = park_forever;
  // False for the standard's void waits (lock, condition waits), which no scope cuts short.
  bool stoppable = true;
};

// The calling fiber, or nullptr on a plain thread.
[[nodiscard]] control_block* this_fiber_or_null() noexcept;

// The calling fiber's or thread's parker. The reference stays right across parks.
[[nodiscard]] parker& this_parker() noexcept;

// Recipe step 1.
inline void park_begin(parker& self, const park_request& request) noexcept {
  std::int64_t until = request.until;
  bool stoppable = false;
  if (request.stoppable) {
    until = std::min(until, self.scope_end);
    // relaxed, both: the owner's own.
    stoppable = !self.shielded.load(std::memory_order_relaxed) ||
                self.innermost.load(std::memory_order_relaxed) != nullptr;
  }
  if (self.is_fiber) {
    auto& fiber = static_cast<control_block&>(self);
    // Behind the end of the last park: a dump that sees one of these finds that that one is over.
    std::atomic_thread_fence(std::memory_order_release);
    // relaxed, all: begin() publishes them.
    fiber.park_deadline.store(until, std::memory_order_relaxed);
    fiber.waiting_on.store(request.on, std::memory_order_relaxed);
    fiber.waiting_for.store(request.kind, std::memory_order_relaxed);
  } else {
    static_cast<thread_parker&>(self).until = until;
  }
  self.word.begin(stoppable);
}

// Recipe step 3: true if whoever calls has been asked to stop, through one of its scopes or, unless
// it is shielded, as the fiber that it is.
[[nodiscard]] inline bool park_interrupted(const parker& self) noexcept {
  // relaxed: the owner's own, as `shielded`.
  scope* const innermost = self.innermost.load(std::memory_order_relaxed);
  if (innermost != nullptr && innermost->is_stopped()) {
    race_acquire(innermost);  // pairs with scope::stop_here
    return true;
  }
  if (!self.is_fiber || self.shielded.load(std::memory_order_relaxed)) return false;
  auto& fiber = static_cast<const control_block&>(self);
  // seq_cst: the canceller's recipe in park_word.h; pairs with [A] before it.
  if (!fiber.stop_requested.load(std::memory_order_seq_cst)) return false;
  race_acquire(const_cast<control_block*>(&fiber));  // pairs with stop_fiber
  return true;
}

// Recipe step 4, giving up. True: the park is over. False: somebody has won; call park().
[[nodiscard]] inline bool park_withdraw(parker& self) noexcept { return self.word.withdraw(); }

// Recipe steps 4 and 5: parks until somebody wakes it, and says who. Ends the park. The caller may
// be on another thread afterwards.
wake_reason park(parker& self) noexcept;

// In debug builds: whoever leaves its thread holds no mutex of the system's that is known.
void check_system_locks(const parker& self) noexcept;

// Waker: makes `target` runnable after its release() returned true, or a claim said `runnable`.
// Any thread, fiber or not; never blocks.
void ready(parker& target) noexcept;

// Waker: competes for one park and wakes it. True: won. Any thread.
bool wake(parker& target, std::uint32_t epoch, wake_reason reason) noexcept;

// For a call that returns a result, before it tries anything: errc::operation_canceled if its
// caller has been asked to stop, else errc::deadline_exceeded if the time of its scopes is up.
[[nodiscard]] std::optional<errc> stop_reason(const parker& self) noexcept;
[[nodiscard]] std::optional<errc> stop_reason() noexcept;

// Returns  what a call has to say that was woken for this reason, and not by who serves it.
[[nodiscard]] inline errc cut_short_by(wake_reason why) noexcept {
  switch (why) {
    case wake_reason::deadline:
      return errc::deadline_exceeded;
    case wake_reason::closed:
      return errc::closed;
    default:
      return errc::operation_canceled;
  }
}

}  // namespace sluice::rt
