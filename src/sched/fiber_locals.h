// fiber_locals.h: the values of fiber_local<T> that one fiber (or plain thread) has made.
#pragma once

#include <cstdint>
#include <vector>

#include "sluice/fiber.h"

namespace sluice::detail {

// Few entries and short lives: a linear search beats a map.
struct fiber_locals {
  struct entry {
    std::uint64_t number;
    void* value;
    void (*destroy)(void* value) noexcept;
  };
  std::vector<entry> entries;
};

}  // namespace sluice::detail

namespace sluice::rt {

// Destroys the values, last made first, those too that the destructors make; then the table.
void destroy_locals(detail::fiber_locals*& locals) noexcept;

}  // namespace sluice::rt
