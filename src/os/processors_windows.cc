// What the process's affinity leaves it in its processor group, and what a job's rate of CPU time
// pays for. A process of several groups counts all their processors: its threads may run on each.
#include "os/processors.h"

#include <windows.h>

#include <algorithm>
#include <array>
#include <bit>

#include "os/job_windows.h"

namespace sluice::os {
namespace {

std::uint32_t affine_processors() noexcept {
  std::array<USHORT, 64> groups{};
  USHORT count = static_cast<USHORT>(groups.size());
  const HANDLE self = ::GetCurrentProcess();
  if (::GetProcessGroupAffinity(self, &count, groups.data()) != 0 && count > 1) {
    std::uint32_t all = 0;
    for (USHORT i = 0; i < count; ++i) all += ::GetActiveProcessorCount(groups[i]);
    return all;
  }
  DWORD_PTR process = 0;
  DWORD_PTR system = 0;
  if (::GetProcessAffinityMask(self, &process, &system) == 0) return 0;
  return static_cast<std::uint32_t>(std::popcount(static_cast<std::uint64_t>(process)));
}

}  // namespace

std::optional<std::uint32_t> job_processors(std::uint32_t rate, std::uint32_t machine) noexcept {
  constexpr std::uint64_t whole = 10'000;
  if (rate == 0 || rate >= whole) return std::nullopt;
  return static_cast<std::uint32_t>((machine * std::uint64_t{rate} + whole - 1) / whole);
}

std::uint32_t usable_processors() noexcept {
  const std::uint32_t affine = std::max<std::uint32_t>(1, affine_processors());
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION limit{};
  // Without a job of its own, the call refuses.
  if (::QueryInformationJobObject(nullptr, JobObjectCpuRateControlInformation, &limit,
                                  sizeof(limit), nullptr) == 0) {
    return affine;
  }
  constexpr DWORD enabled = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE;
  constexpr DWORD hard = JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
  if ((limit.ControlFlags & (enabled | hard)) != (enabled | hard)) return affine;
  // The rate is of the whole machine.
  const std::uint32_t machine = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  return std::min(affine, job_processors(limit.CpuRate, machine).value_or(affine));
}

}  // namespace sluice::os
