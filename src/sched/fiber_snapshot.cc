#include "sched/fiber_snapshot.h"

#include "base/unseen.h"
#include "fiber/backtrace.h"

namespace sluice::rt {
namespace {

// Of what others may write at the same time, and construct: ThreadSanitizer would be right about
// it, and is not asked. Whether it was the same fiber all the while is looked at in the end.
template <class T>
SLUICE_UNSEEN T peek(const void* from) noexcept {
  return *static_cast<const volatile T*>(from);
}

}  // namespace

SLUICE_UNSEEN std::optional<fiber_snapshot> look_at(const control_block& fiber) noexcept {
  if (peek<slot_state>(&fiber.state) != slot_state::live) return std::nullopt;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);  // pairs with the spawn that stored it
  fiber_snapshot seen;
  seen.index = fiber.index;
  const auto word = peek<std::uint64_t>(fiber.word.address());
  seen.epoch = static_cast<std::uint32_t>(word >> 32);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);  // pairs with [A] of park_word.h
  seen.number = peek<std::uint64_t>(&fiber.number);
  seen.name = peek<const char*>(static_cast<const void*>(&fiber.name));
  seen.file = peek<const char*>(static_cast<const void*>(&fiber.spawn_file));
  seen.line = peek<std::uint32_t>(&fiber.spawn_line);
  seen.kind = peek<wait_kind>(&fiber.waiting_for);
  seen.on = peek<const void*>(&fiber.waiting_on);
  seen.since = peek<std::int64_t>(&fiber.waiting_since);
  seen.until = peek<std::int64_t>(&fiber.park_deadline);
  seen.stopping = peek<bool>(&fiber.stop_requested);
  seen.stack_bytes = peek<std::size_t>(&fiber.stack_bytes);
  const auto* const top = reinterpret_cast<const std::byte*>(&fiber);
  const auto* const at =
      peek<const std::byte*>(static_cast<const void*>(&fiber.saved.stack_pointer));
  __atomic_thread_fence(__ATOMIC_ACQUIRE);  // pairs with the fence in park_begin
  // What was read belongs to one park, or is not told.
  constexpr std::uint64_t parked = park_word::waiting | park_word::saved;
  constexpr std::uint64_t woken = park_word::woken | park_word::saved;
  seen.parked = (word & parked) == parked && peek<std::uint64_t>(fiber.word.address()) == word;
  if (seen.parked) {
    if (at < top) seen.stack_used = static_cast<std::size_t>(top - at);
  } else if ((word & woken) == woken) {
    seen.kind = wait_kind::runnable;  // and has not run since
  } else if (seen.kind != wait_kind::starting) {
    seen.kind = seen.kind == wait_kind::runnable ? wait_kind::runnable : wait_kind::running;
  }
  if (peek<std::uint64_t>(&fiber.number) != seen.number) return std::nullopt;
  return seen;
}

parker_name awaited_by(runtime& owner, const fiber_snapshot& seen) noexcept {
  parker_name found;
  if (!names_whom(seen.kind)) return found;
  while_it_waits(owner, seen, [&](const control_block& fiber) {
    // relaxed, both: written before the park. It may be another wait than the one that was seen.
    if (!names_whom(fiber.waiting_for.load(std::memory_order_relaxed))) return;
    const void* const on = fiber.waiting_on.load(std::memory_order_relaxed);
    found = static_cast<const awaited*>(on)->who();
  });
  return found;
}

std::size_t frames_of(runtime& owner, const fiber_snapshot& seen,
                      std::span<const void*> into) noexcept {
  if (this_fiber_or_null() == &owner.block(seen.index)) return backtrace_here(into);
  std::size_t count = 0;
  while_it_waits(owner, seen,
                 [&](const control_block& fiber) { count = backtrace_of(fiber.saved, into); });
  return count;
}

}  // namespace sluice::rt
