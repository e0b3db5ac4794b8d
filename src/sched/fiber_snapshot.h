// fiber_snapshot.h: one fiber at one moment, as its control block tells it while it runs on: for
// dumps and metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "sched/awaited.h"
#include "sched/park.h"
#include "sched/runtime.h"

namespace sluice::rt {

struct fiber_snapshot {
  std::uint32_t index = 0;  // in its runtime
  std::uint32_t epoch = 0;  // of its present park, or of the next one
  std::uint64_t number = 0;
  const char* name = nullptr;
  const char* file = "";
  std::uint32_t line = 0;
  wait_kind kind = wait_kind::none;
  const void* on = nullptr;
  std::int64_t since = 0;
  std::int64_t until = 0;
  std::size_t stack_used = 0;
  std::size_t stack_bytes = 0;
  bool stopping = false;
  bool parked = false;
};

// Any thread. Returns nothing where no fiber lives, or it was another one in the end than in the
// beginning.
[[nodiscard]] std::optional<fiber_snapshot> look_at(const control_block& fiber) noexcept;

// Calls look(control_block) while the fiber that was seen waits, and nobody runs it: who wakes it
// then wakes it when that has returned, so it should be quick, and must not wait for a fiber. What
// it waits on is there for as long. Any thread. Returns false, and does nothing, if it does not
// wait.
template <class Look>
bool while_it_waits(runtime& owner, const fiber_snapshot& seen, Look look) {
  control_block& fiber = owner.block(seen.index);
  // acquire: pairs with the spawn.
  if (fiber.state.load(std::memory_order_acquire) != slot_state::live) return false;
  if (!fiber.word.borrow()) return false;
  const bool is_same = fiber.number == seen.number;
  if (is_same) look(std::as_const(fiber));
  if (fiber.word.save()) owner.make_runnable(&fiber);
  return is_same;
}

// Stores the return addresses of the calls that a fiber is in, the innermost first, if it waits or
// if it is the caller. Returns how many; 0: it runs, or is about to.
[[nodiscard]] std::size_t frames_of(runtime& owner, const fiber_snapshot& seen,
                                    std::span<const void*> into) noexcept;

// Whom it waits for, if that is one who is known.
[[nodiscard]] parker_name awaited_by(runtime& owner, const fiber_snapshot& seen) noexcept;

// Calls visit(fiber_snapshot) for every fiber, while others start and end.
template <class Visit>
void for_each_fiber(runtime& owner, Visit visit) {
  owner.stacks().for_each([&](std::uint32_t, void* control) {
    if (const auto seen = look_at(*static_cast<const control_block*>(control))) visit(*seen);
  });
}

}  // namespace sluice::rt
