// tracing.h: who records a runtime, and the events' ways into the rings.
//
// Each processor has a ring that its owner writes inside the gate; what comes from other threads
// goes to one that they share. Rings are there as long as their runtime: whoever has looked for one
// before a trace was stopped may write to it a little later.
//
//   Writer:   1 load the ring, acquire; null: nothing is recorded   2 write
//   Starter:  1 make the rings   2 store them, release
//   Stopper:  1 store null   2 read what is there; a late event is left out, or taken
//
// A look for the ring is all that is inlined: what is written is in functions of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sched/control_block.h"
#include "sched/processor.h"
#include "sched/trace_ring.h"

namespace sluice::rt {

class runtime;
enum class departure : std::uint8_t;

struct trace_rings {
  // Errors: std::bad_alloc. `events` is a power of two.
  trace_rings(std::size_t processors, std::size_t events);

  // For another trace.
  void restart() noexcept;

  std::vector<std::unique_ptr<trace_ring>> processors;
  trace_ring others;
};

// --- what is recorded; all but the last two by the owner of the processor, inside the gate

void note_run(trace_ring& into, const control_block& next) noexcept;
void note_leave(trace_ring& into, const control_block& self, departure why) noexcept;
// `by`: the fiber that runs, if any.
void note_ready(trace_ring& into, const control_block& fiber, const control_block* by) noexcept;
void note_steal(trace_ring& into, std::uint32_t victim, std::uint32_t amount) noexcept;
void note_poll_begin(trace_ring& into, bool may_sleep) noexcept;
void note_poll_end(trace_ring& into, std::size_t reports) noexcept;
void note_timers(trace_ring& into, std::uint32_t amount) noexcept;
inline void note_inside(processor& at, const control_block& fiber,
                        const control_block* by) noexcept {
  if (trace_ring* const into = at.traced()) [[unlikely]] {
    note_ready(*into, fiber, by);
  }
}
// Any thread, before the fiber is published.
void note_ready_outside(trace_ring& into, const control_block& fiber,
                        const control_block* by) noexcept;

// For the system calls of the library, from whatever thread: recorded if that thread's processor
// is. Switched on and off once for each trace.
void note_calls(bool on) noexcept;

}  // namespace sluice::rt
