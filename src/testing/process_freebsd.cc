#include <sys/param.h>
// The order matters: sys/user.h stands on the others.
#include <sys/sysctl.h>
#include <sys/types.h>
#include <sys/user.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "testing/process.h"

namespace sluice::testing {
namespace {

// What kern.proc.WHAT says of this process; empty if it says nothing.
std::vector<char> ask(int what) {
  std::array<int, 4> name = {CTL_KERN, KERN_PROC, what, ::getpid()};
  std::size_t size = 0;
  if (::sysctl(name.data(), name.size(), nullptr, &size, nullptr, 0) != 0) return {};
  // The list may grow meanwhile.
  std::vector<char> answer(size + size / 2);
  size = answer.size();
  if (::sysctl(name.data(), name.size(), answer.data(), &size, nullptr, 0) != 0) return {};
  answer.resize(size);
  return answer;
}

// Entries of different lengths, each of which begins with its own.
std::size_t mapping_count() {
  const std::vector<char> answer = ask(KERN_PROC_VMMAP);
  std::size_t count = 0;
  for (std::size_t at = 0; at + sizeof(int) <= answer.size();) {
    int length = 0;
    std::memcpy(&length, answer.data() + at, sizeof length);
    if (length <= 0) break;
    at += static_cast<std::size_t>(length);
    ++count;
  }
  return count;
}

std::size_t descriptor_count() {
  // The process it is about is the caller's, named by 0.
  std::array<int, 4> name = {CTL_KERN, KERN_PROC, KERN_PROC_NFDS, 0};
  int count = 0;
  std::size_t size = sizeof count;
  if (::sysctl(name.data(), name.size(), &count, &size, nullptr, 0) != 0) return 0;
  return static_cast<std::size_t>(count);
}

}  // namespace

process_counts process_state() {
  process_counts counts;
  const std::vector<char> answer = ask(KERN_PROC_PID);
  kinfo_proc about{};
  if (answer.size() >= sizeof about) std::memcpy(&about, answer.data(), sizeof about);
  counts.threads = static_cast<std::size_t>(about.ki_numthreads);
  counts.descriptors = descriptor_count();
  counts.mappings = mapping_count();
  counts.resident_bytes =
      static_cast<std::size_t>(about.ki_rssize) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return counts;
}

}  // namespace sluice::testing
