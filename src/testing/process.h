// process.h: what the kernel says about this process, for tests that look for leaks.
#pragma once

#include <cstddef>

namespace sluice::testing {

struct process_counts {
  std::size_t threads = 0;
  std::size_t descriptors = 0;
  std::size_t mappings = 0;
  std::size_t resident_bytes = 0;
};

[[nodiscard]] process_counts process_state();

// How many of the whole pages in these bytes have memory.
[[nodiscard]] std::size_t resident_pages(void* begin, std::size_t bytes);

}  // namespace sluice::testing
