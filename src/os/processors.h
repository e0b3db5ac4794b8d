// processors.h: on how many processors the process may run: what its affinity leaves it, and what
// the CPU quota of its container pays for.
#pragma once

#include <cstdint>

namespace sluice::os {

// Returns  at least 1: the smaller of the CPUs that the calling thread's affinity allows and the
//          cgroup quota, rounded up. Reads files; to be called once.
[[nodiscard]] std::uint32_t usable_processors() noexcept;

}  // namespace sluice::os
