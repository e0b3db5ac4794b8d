#include "testing/process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * page_size();
}

}  // namespace

process_counts process_state() {
  process_counts counts;
  counts.threads = entries("/proc/self/task");
  counts.descriptors = entries("/proc/self/fd");
  counts.mappings = lines("/proc/self/maps");
  counts.resident_bytes = resident_bytes();
  return counts;
}

std::size_t resident_pages(void* begin, std::size_t bytes) {
  std::vector<unsigned char> pages(bytes / page_size());
  if (::mincore(begin, pages.size() * page_size(), pages.data()) != 0) return 0;
  std::size_t count = 0;
  for (const unsigned char page : pages) count += page & 1U;
  return count;
}

}  // namespace sluice::testing
