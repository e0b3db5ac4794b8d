// fiber_snapshot.h: one fiber at one moment, as its control block tells it while it runs on: for
// dumps and metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sched/runtime.h"

namespace sluice::rt {

struct fiber_snapshot {
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

// Calls visit(fiber_snapshot) for every fiber, while others start and end.
template <class Visit>
void for_each_fiber(runtime& owner, Visit visit) {
  owner.stacks().for_each([&](std::uint32_t, void* control) {
    if (const auto seen = look_at(*static_cast<const control_block*>(control))) visit(*seen);
  });
}

}  // namespace sluice::rt
