// prefetch.h: asks for memory that will be used soon, while there is something else to do. Each
// fiber has pages of its own, so with thousands of them the first touch of one is a miss in every
// cache, and in the translation cache.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::rt {

inline constexpr std::size_t cache_line = 64;

// Asks for `lines` cache lines from `first` on, for writing. Any address is allowed.
inline void prefetch_for_writing(std::uintptr_t first, std::size_t lines) noexcept {
  for (std::size_t i = 0; i < lines; ++i) {
    __builtin_prefetch(reinterpret_cast<const void*>(first + i * cache_line), 1);
  }
}
inline void prefetch_for_writing(const void* first, std::size_t lines) noexcept {
  prefetch_for_writing(reinterpret_cast<std::uintptr_t>(first), lines);
}

}  // namespace sluice::rt
