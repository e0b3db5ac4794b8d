// cgroup_linux.h: what usable_processors is made of on Linux, for processors_linux.cc and its
// tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::os {

// One line of /proc/self/mountinfo that mounts a cgroup hierarchy with CPU quotas.
struct cgroup_mount {
  bool unified = false;  // cgroup v2
  std::string root;      // the group that the mount shows as its top folder
  std::string folder;    // where it is mounted
};

[[nodiscard]] std::vector<cgroup_mount> parse_cgroup_mounts(std::string_view mountinfo);

// Returns  the process's group in the hierarchy, from the text of /proc/self/cgroup: the unified
//          one, or the one that has the v1 `cpu` controller.
[[nodiscard]] std::optional<std::string> parse_cgroup_path(std::string_view cgroups, bool unified);

// Returns  the CPUs that "quota period" of a v2 cpu.max pays for; nothing for "max" and for
// garbage.
[[nodiscard]] std::optional<std::uint32_t> parse_cpu_max(std::string_view text);

// Returns  the CPUs that v1's cfs_quota_us and cfs_period_us pay for; nothing for -1 and garbage.
[[nodiscard]] std::optional<std::uint32_t> parse_cfs(std::string_view quota,
                                                     std::string_view period);

// Returns  the smallest quota of the process's group and its ancestors in every hierarchy, or
//          nothing if none is set. `root` stands before every path; "" outside of tests.
[[nodiscard]] std::optional<std::uint32_t> cgroup_processors(const std::string& root);

}  // namespace sluice::os
