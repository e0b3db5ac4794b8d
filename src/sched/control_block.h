// control_block.h: what the runtime knows about a fiber. It lives at the top of the fiber's own
// stack slot, so a parked fiber costs one page; that memory is type-stable: a slot that has served
// once serves fibers for as long as the runtime lives, and its park word's epoch never goes back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/timer_heap.h"
#include "fiber/context.h"
#include "fiber/eh_globals.h"
#include "fiber/sanitizer.h"
#include "sched/park_word.h"

namespace sluice::detail {
struct fiber_locals;
}

namespace sluice::rt {

// What a parked fiber waits for; for reports and dumps.
enum class wait_kind : std::uint8_t {
  none,
  starting,
  runnable,
  running,
  sleep,
  join,
  read,
  write,
  accept,
  dial,
  lock,
  read_lock,  // of a shared mutex, as the next
  write_lock,
  initializer,  // of a static local, which somebody else runs
  condition,
  group,
  permit,
  event,
  phase,  // the others at a barrier
  send,   // on a channel
  receive,
  select,
  turn,    // for another fiber's read or write on the same connection
  close,   // for the last user of a descriptor to leave
  linger,  // for the system, which closes it on a thread of its own
  signal,
  pipe,
  foreign,  // descriptor, for wait_fd
};

inline constexpr std::size_t wait_kinds = static_cast<std::size_t>(wait_kind::foreign) + 1;

[[nodiscard]] const char* name_of(wait_kind kind) noexcept;

// Whether it is what a park waits for.
[[nodiscard]] constexpr bool is_wait(wait_kind kind) noexcept {
  return kind != wait_kind::starting && kind != wait_kind::runnable && kind != wait_kind::running;
}

class scope;

inline constexpr std::int64_t park_forever = timer_word::time_limit - 1;

// Who parks: a fiber, or a plain thread, which sleeps on a futex instead of switching away.
struct parker {
  park_word word;
  // What its blocking calls are under, see scope.h; null: nothing but the root. Only the owner
  // writes it, and only while it does not park; who stops a scope reads it. So with `shielded`.
  std::atomic<scope*> innermost{nullptr};
  // The earliest end of its scopes. Only the owner.
  std::int64_t scope_end = park_forever;
  // Immutable while the owner lives.
  bool is_fiber = false;
  // From the root, that is, from `stop_requested`.
  std::atomic<bool> shielded{false};
  // How many mutexes of the system's it is known to hold. Only the owner.
  std::uint8_t system_locks = 0;
};

// What a plain thread parks with.
struct thread_parker : parker {
  // The thread's own: when its present park ends by itself.
  std::int64_t until = 0;
  // Guarded by the lock of the list of those that no thread has.
  thread_parker* next = nullptr;
};

// `slot_state` of a control block's slot.
//
//   state   means                            left by
//   unused  zero bytes: never used, or its   spawn -> live (constructs it)
//           memory was given back
//   idle    constructed, no fiber            spawn -> live; the pool's trim -> unused
//   live    a fiber                          its end -> idle
enum class slot_state : std::uint32_t { unused = 0, idle, live };

// In the order of use: a fiber that waits for a socket and runs again touches the first two cache
// lines, and thousands of them share the CPU's caches.
struct alignas(64) control_block : parker {
  // For dumps: racy, relaxed; so are `waiting_on` and `waiting_since`.
  std::atomic<wait_kind> waiting_for{wait_kind::none};
  // Any thread sets it, then claims the park; the fiber looks after it has published its park.
  std::atomic<bool> stop_requested{false};
  bool usual_stack = true;  // of the default size, which processors cache; immutable
  // The place of the runtime whose it is (runtimes.h); immutable.
  std::uint16_t home = 0;
  context saved;
  // When the present park ends by itself: written before the park begins, read by expiry, whose
  // claim fails if it has changed since.
  std::atomic<std::int64_t> park_deadline{0};

  // The second line.
  alignas(64) eh_globals exceptions{};
  std::atomic<const void*> waiting_on{nullptr};
  std::atomic<std::int64_t> waiting_since{0};
  // When the memory below its frames was last given back; 0: it has not parked yet. Only the worker
  // that runs it, as `last_processor`.
  std::int64_t trimmed_at = 0;
  std::uint32_t last_processor = 0;
  std::uint32_t index = 0;  // immutable
  // Written by a waker or the owner of the queue it stands in: a fiber is on one queue at most.
  control_block* next = nullptr;
  sanitizer_fiber sanitizer{};

  // What its beginning and its end need. Against the walk that stops everybody: [S1] spawn
  // publishes `live`, then loads the runtime's `stopping`; [S2] the walk stores `stopping`, then
  // loads `state`. seq_cst, or, as at the gate (gate.h), a membarrier in [S2] and no fence in [S1].
  alignas(64) std::atomic<slot_state> state{slot_state::unused};
  // Immutable from spawn to end, these; the number is never given twice.
  std::uint32_t spawn_line = 0;
  const char* spawn_file = "";
  std::uint64_t number = 0;
  void (*run)(void* closure) = nullptr;
  void* closure = nullptr;
  // The slot's, immutable.
  void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  // Only the fiber itself.
  detail::fiber_locals* locals = nullptr;
  // For dumps; null: none. Text that is never freed. Only the fiber writes it.
  const char* name = nullptr;

  timer park_timer;
};
static_assert(sizeof(control_block) == (sizeof(context) == 24 ? 256 : 320),
              "a line has more than it holds; Windows's larger context takes one line more");

}  // namespace sluice::rt
