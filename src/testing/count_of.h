// count_of.h: how often a text says something.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::testing {

[[nodiscard]] inline std::size_t count_of(std::string_view text, std::string_view piece) {
  std::size_t count = 0;
  for (auto at = text.find(piece); at != text.npos; at = text.find(piece, at + 1)) ++count;
  return count;
}

}  // namespace sluice::testing
