// fiber_dump.h: every fiber, and what it waits for, in words. Reads control blocks, never frames,
// and takes the same memory for ten fibers and for a million: those with the same spawn place that
// wait for the same kind of thing are counted, and a few of them shown.
//
// A look at fibers that run on meanwhile: each line was true at its time, the whole never was.
#pragma once

#include <cstddef>
#include <string_view>

#include "sched/runtime.h"

namespace sluice::rt {

// Where the text goes, piece by piece. No lock that a fiber could want is held.
struct dump_sink {
  void (*write)(void* context, std::string_view text);
  void* context;
};
// To the standard error.
[[nodiscard]] dump_sink stderr_sink() noexcept;

// `each`: all of them, a line for each, not counted together.
void dump_fibers(runtime& owner, const dump_sink& to, bool each);
// Those of every runtime in the process, which is named if there are several. False: there is none.
bool dump_all_runtimes(const dump_sink& to, bool each);

// Whether every fiber waits for another one, without an end to it: nobody in here can wake them.
[[nodiscard]] bool all_wait_for_each_other(runtime& owner) noexcept;

}  // namespace sluice::rt
