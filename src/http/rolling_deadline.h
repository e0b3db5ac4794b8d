// rolling_deadline.h: a time-out that starts again with each request, without the price of a new
// deadline for each: the one that is set lies up to a sixteenth beyond the time-out, and stays
// while it is still far enough away. So a time-out never comes early, and late by a sixteenth at
// most.
//
// Time-outs under a second are exact: there the coarse clock's steps would matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "os/clock.h"
#include "sluice/deadline.h"

namespace sluice::http {

class rolling_deadline {
 public:
  // Returns  the deadline to be set for a wait of `timeout` from now on; nothing if the one that
  //          was set last will do.
  [[nodiscard]] std::optional<deadline> roll(std::chrono::nanoseconds timeout) noexcept {
    if (timeout < least || timeout > most) return set(deadline::in(timeout));
    const std::chrono::nanoseconds now(os::monotonic_now_coarse());
    const std::chrono::nanoseconds slack = timeout / 16;
    // The coarse clock may be a little behind, which the slack outweighs.
    if (until_ >= now + timeout + clock_step && until_ <= now + timeout + slack) {
      return std::nullopt;
    }
    until_ = now + timeout + slack;
    return deadline(time_point(std::chrono::duration_cast<duration>(until_)));
  }

  // Another deadline has been set.
  deadline set(deadline other) noexcept {
    until_ = {};
    return other;
  }

 private:
  static constexpr std::chrono::nanoseconds least = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds most = std::chrono::hours(24 * 365);
  static constexpr std::chrono::nanoseconds clock_step = std::chrono::milliseconds(10);

  std::chrono::nanoseconds until_{0};  // 0: unknown
};

}  // namespace sluice::http
