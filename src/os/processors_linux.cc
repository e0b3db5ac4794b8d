// The quota is the smallest on the way from the process's group up to the top of what is mounted:
// an ancestor's quota is shared by all below it, so it bounds each of them.
//
// Rejected: reading only the nearest group (systemd and Kubernetes set the quota on a parent), and
// std::thread::hardware_concurrency (knows the affinity, not the quota).
#include "os/processors.h"

#include "os/cgroup_linux.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

namespace sluice::os {
namespace {

// Cuts the text before the first `separator` off `rest` and returns it.
std::string_view next_field(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

bool has_field(std::string_view list, char separator, std::string_view wanted) {
  while (!list.empty()) {
    if (next_field(list, separator) == wanted) return true;
  }
  return false;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint32_t> divide_up(std::optional<std::int64_t> quota,
                                       std::optional<std::int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  const std::int64_t processors = (*quota - 1) / *period + 1;
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(processors, most));
}

// The kernel writes a blank in a path as \040, and so on.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned code = 0;
    const char* const digits = text.data() + at + 1;
    if (text[at] == '\\' && text.size() - at > 3 &&
        std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
      plain.push_back(static_cast<char>(code));
      at += 3;
    } else {
      plain.push_back(text[at]);
    }
  }
  return plain;
}

// "36 35 98:0 /root /folder rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate"
std::optional<cgroup_mount> parse_mount(std::string_view line) {
  for (int skipped = 0; skipped < 3; ++skipped) next_field(line, ' ');
  cgroup_mount mount;
  mount.root = unescape(next_field(line, ' '));
  mount.folder = unescape(next_field(line, ' '));
  while (!line.empty() && next_field(line, ' ') != "-") {
  }
  const std::string_view type = next_field(line, ' ');
  next_field(line, ' ');
  mount.unified = type == "cgroup2";
  const bool has_quota = mount.unified || (type == "cgroup" && has_field(line, ',', "cpu"));
  if (!has_quota || mount.folder.empty()) return std::nullopt;
  return mount;
}

// "" if the file is not there: most groups have no such file.
std::string read_text(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return std::move(text).str();
}

std::optional<std::uint32_t> smaller(std::optional<std::uint32_t> a,
                                     std::optional<std::uint32_t> b) {
  if (!a) return b;
  return b ? std::min(*a, *b) : a;
}

// Returns  the group's folder below the mount; "" for the top, also if the mount shows another part
//          of the tree (the top is then all that can be seen).
std::string below_mount(const cgroup_mount& mount, const std::string& group) {
  const std::string root = mount.root == "/" ? "" : mount.root;
  std::string below = group.starts_with(root + "/") ? group.substr(root.size()) : "";
  while (below.ends_with('/')) below.pop_back();
  // A group outside of the process's namespace is shown as "/../other".
  return below.find("/..") == std::string::npos ? below : "";
}

std::optional<std::uint32_t> smallest_quota(const std::string& root, const cgroup_mount& mount,
                                            const std::string& group) {
  const std::string top = root + mount.folder;
  std::string below = below_mount(mount, group);
  std::optional<std::uint32_t> least;
  for (;;) {
    const std::string folder = top + below;
    least = smaller(least, mount.unified ? parse_cpu_max(read_text(folder + "/cpu.max"))
                                         : parse_cfs(read_text(folder + "/cpu.cfs_quota_us"),
                                                     read_text(folder + "/cpu.cfs_period_us")));
    if (below.empty()) return least;
    below.resize(below.rfind('/'));
  }
}

// Returns  0 if the system does not say.
std::uint32_t affine_processors() {
  struct freer {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };
  // The kernel refuses a mask that is smaller than its own, whose size it does not tell.
  constexpr std::size_t largest = std::size_t{1} << 20;
  for (std::size_t processors = 1024; processors <= largest; processors *= 2) {
    const std::unique_ptr<cpu_set_t, freer> set(CPU_ALLOC(processors));
    if (!set) return 0;
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    CPU_ZERO_S(bytes, set.get());
    if (::sched_getaffinity(0, bytes, set.get()) == 0) {
      return static_cast<std::uint32_t>(CPU_COUNT_S(bytes, set.get()));
    }
    if (errno != EINVAL) return 0;
  }
  return 0;
}

}  // namespace

std::vector<cgroup_mount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<cgroup_mount> mounts;
  while (!mountinfo.empty()) {
    if (auto mount = parse_mount(next_field(mountinfo, '\n'))) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

// "0::/user.slice" or "4:cpu,cpuacct:/docker/1234"; a path may hold colons.
std::optional<std::string> parse_cgroup_path(std::string_view cgroups, bool unified) {
  while (!cgroups.empty()) {
    std::string_view line = next_field(cgroups, '\n');
    const std::string_view number = next_field(line, ':');
    const std::string_view controllers = next_field(line, ':');
    const bool wanted =
        unified ? number == "0" && controllers.empty() : has_field(controllers, ',', "cpu");
    if (wanted && line.starts_with('/')) return std::string(line);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> parse_cpu_max(std::string_view text) {
  const std::string_view quota = next_field(text, ' ');
  return divide_up(parse_number(quota), parse_number(text));
}

std::optional<std::uint32_t> parse_cfs(std::string_view quota, std::string_view period) {
  return divide_up(parse_number(quota), parse_number(period));
}

std::optional<std::uint32_t> cgroup_processors(const std::string& root) {
  const std::string cgroups = read_text(root + "/proc/self/cgroup");
  std::optional<std::uint32_t> least;
  for (const cgroup_mount& mount : parse_cgroup_mounts(read_text(root + "/proc/self/mountinfo"))) {
    if (const auto group = parse_cgroup_path(cgroups, mount.unified)) {
      least = smaller(least, smallest_quota(root, mount, *group));
    }
  }
  return least;
}

std::uint32_t usable_processors() noexcept {
  const std::uint32_t affine = std::max<std::uint32_t>(1, affine_processors());
  try {
    return std::min(affine, cgroup_processors("").value_or(affine));
  } catch (...) {
    // No memory for the text of a file: the affinity is known all the same.
    return affine;
  }
}

}  // namespace sluice::os
