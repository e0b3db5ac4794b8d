// park_time.h: a deadline as parks and timers count it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "sched/park.h"
#include "sluice/deadline.h"

namespace sluice::rt {

// Returns  park_forever for none only, else a positive time: one before the clock's start is past
//          all the same.
// Units: monotonic nanoseconds.
[[nodiscard]] inline std::int64_t park_time(deadline until) noexcept {
  if (until.is_none()) return park_forever;
  const std::int64_t time = std::chrono::nanoseconds(until.when().time_since_epoch()).count();
  return std::clamp<std::int64_t>(time, 1, park_forever - 1);
}

}  // namespace sluice::rt
