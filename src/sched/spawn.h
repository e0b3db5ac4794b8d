// spawn.h: the first fiber, and stopping one.
#pragma once

#include "sched/runtime.h"

namespace sluice::rt {

// Starts the fiber that runs main(argument) and then asks all others to stop. Called by run().
// Throws std::system_error when there is no stack for it.
void spawn_main(runtime& owner, void (*main)(void* argument), void* argument,
                const std::source_location& where);

// Asks a living fiber to stop. Any thread; the caller knows that the fiber has not ended.
void stop_fiber(control_block& fiber) noexcept;

}  // namespace sluice::rt
