// allocation_count_test.h: how often the program has allocated. The C++ allocation functions are
// replaced in the whole binary, but where a sanitizer has its own.
#pragma once

#include <cstdint>

namespace sluice::testing {

extern const bool counts_allocations;
[[nodiscard]] std::int64_t allocations_so_far() noexcept;

}  // namespace sluice::testing
