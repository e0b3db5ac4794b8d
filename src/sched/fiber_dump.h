// fiber_dump.h: every fiber, and what it waits for, in words. Reads control blocks, never frames,
// and takes the same memory for ten fibers and for a million: those with the same spawn place that
// wait for the same kind of thing are counted, and a few of them shown.
//
// A look at fibers that run on meanwhile: each line was true at its time, the whole never was.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "sched/fiber_snapshot.h"

namespace sluice::rt {

// Where the text goes, piece by piece. No lock that a fiber could want is held.
struct dump_sink {
  void (*write)(void* context, std::string_view text);
  void* context;
};
// To the standard error.
[[nodiscard]] dump_sink stderr_sink() noexcept;

struct dump_request {
  bool each = false;             // a line for each, not counted together
  bool backtraces = false;       // of those that are shown and wait
  const void* caller = nullptr;  // where that of the fiber that dumps begins
};
void dump_fibers(runtime& owner, const dump_sink& to, const dump_request& how);
// These, a line for each.
void dump_fibers(runtime& owner, const dump_sink& to, std::span<const fiber_snapshot> fibers);
// Those of every runtime in the process, which is named if there are several. False: there is none.
bool dump_all_runtimes(const dump_sink& to, const dump_request& how);

// Whether every fiber waits for another one, without an end to it: nobody in here can wake them.
[[nodiscard]] bool all_wait_for_each_other(runtime& owner) noexcept;

}  // namespace sluice::rt
