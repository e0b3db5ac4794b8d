#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "testing/process.h"

namespace sluice::testing {

std::size_t resident_pages(void* begin, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<char> pages(bytes / page);
  if (::mincore(begin, pages.size() * page, pages.data()) != 0) return 0;
  std::size_t count = 0;
  for (const char one : pages) count += (one & MINCORE_INCORE) != 0 ? 1 : 0;
  return count;
}

}  // namespace sluice::testing
