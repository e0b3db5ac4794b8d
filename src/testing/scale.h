// scale.h: how often a stress test does what it does. Sanitizers make everything slower, so the
// environment's SLUICE_TEST_SCALE (a factor: 0.1, 3) shrinks or stretches counts. Limits are not
// scaled: a test that hangs hangs in every build.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace sluice {

// Returns  `count` times the environment's factor, at least 1, and prints it beside the test, so
//          that a log says what was done. To be called outside of loops.
[[nodiscard]] inline std::int64_t scaled(std::int64_t count, std::int64_t most_when_scaled = 0) {
  const char* const text = std::getenv("SLUICE_TEST_SCALE");
  const double factor = text != nullptr ? std::strtod(text, nullptr) : 1.0;
  const double wanted = static_cast<double>(count) * (factor > 0 ? factor : 1.0);
  std::int64_t used = std::max<std::int64_t>(1, static_cast<std::int64_t>(wanted));
  if (factor < 1 && most_when_scaled > 0) used = std::min(used, most_when_scaled);
  std::printf("[    count ] %lld\n", static_cast<long long>(used));
  return used;
}

}  // namespace sluice
