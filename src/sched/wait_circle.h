// wait_circle.h: fibers of which each waits for the next one, and the last one for the first, by
// locks and joins: none of them will ever go on, unless somebody asks one to stop, although the
// rest of the program may.
//
// Each wait has one whom it waits for, so a walk from fiber to fiber ends or comes round. The looks
// are at different times; at the end every member is looked at again: if all are in the same parks
// as before, there was a moment at which all of them were, and none can have let go of anything.
//
// Who is waited for is a name (awaited.h), so nothing is read of whoever has ended meanwhile.
//
// Not found: what channels, conditions and groups are waited for, which any number of fibers could
// bring, and circles through several runtimes.
#pragma once

#include <cstdint>
#include <vector>

#include "sched/fiber_snapshot.h"

namespace sluice::rt {

using wait_circle = std::vector<fiber_snapshot>;

// Returns  the circles of those that have waited since `before` or longer, without an end.
// Errors   std::bad_alloc.
// Units    nanoseconds of the coarse monotonic clock.
[[nodiscard]] std::vector<wait_circle> find_wait_circles(runtime& owner, std::int64_t before);

}  // namespace sluice::rt
