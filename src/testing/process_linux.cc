#include "testing/process.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sluice::testing {
namespace {

std::size_t entries(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t lines(const char* path) {
  std::ifstream file(path);
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

std::size_t resident_pages() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident;
}

}  // namespace

process_counts process_state() {
  process_counts counts;
  counts.threads = entries("/proc/self/task");
  counts.descriptors = entries("/proc/self/fd");
  counts.mappings = lines("/proc/self/maps");
  counts.resident_bytes = resident_pages() * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return counts;
}

}  // namespace sluice::testing
