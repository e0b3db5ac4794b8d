// park_time.h: a deadline as parks and timers count it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "sched/park.h"
#include "sluice/deadline.h"

namespace sluice::rt {

// Units: monotonic nanoseconds; a time before the clock's start is 0.
[[nodiscard]] inline std::int64_t park_time(deadline until) noexcept {
  if (until.is_none()) return park_forever;
  const std::int64_t time = std::chrono::nanoseconds(until.when().time_since_epoch()).count();
  return std::clamp<std::int64_t>(time, 0, park_forever);
}

}  // namespace sluice::rt
