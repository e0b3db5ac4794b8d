// job_windows.h: what a job's limit of CPU time comes to, for processors_windows.cc and its tests.
#pragma once

#include <cstdint>
#include <optional>

namespace sluice::os {

// Returns  how many of the machine's processors a job's CPU rate pays for, rounded up; nothing if
// it
//          is no limit.
//
//   Units  rate: hundredths of a percent of the whole machine, as Windows counts.
[[nodiscard]] std::optional<std::uint32_t> job_processors(std::uint32_t rate,
                                                          std::uint32_t machine) noexcept;

}  // namespace sluice::os
