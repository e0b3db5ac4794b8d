// event.h: something that has happened, or has not.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {

// A flag that can be waited for. With manual reset it stays set until reset() is called, and lets
// everybody pass; with automatic reset each set() lets one pass, the one who has waited longest or
// else the next who comes. Two set() before somebody passes count as one.
//
// Who has come back from a wait() that succeeded may destroy it, if nobody else waits or sets it
// any more; destroying it while somebody waits is reported in debug builds.
class event {
 public:
  enum class reset_mode : std::uint8_t { manual, automatic };

  constexpr explicit event(reset_mode mode = reset_mode::manual,
                           bool initially_set = false) noexcept
      : word_(initially_set ? 1U : 0U), mode_(mode) {}
  ~event();
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  // Sets it, and wakes those who wait, or one of them.
  //
  //   Blocks   never.
  //   Threads  any.
  void set() noexcept;

  // Takes it back. Who was woken before passes all the same.
  //
  //   Blocks   never.
  //   Threads  any.
  void reset() noexcept;

  // Returns  true if it is set. Never blocks, and takes nothing.
  [[nodiscard]] bool is_set() const noexcept;

  // Waits until it is set; with automatic reset, takes it back. What was done before set() is
  // visible afterwards.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any number.
  void wait() noexcept;

  // Returns  true if it was set: as wait() without the wait.
  [[nodiscard]] bool try_wait() noexcept;

  // As wait(), until `until` at the latest.
  //
  //   Returns  true if it was set.
  //   Units    the steady clock.
  [[nodiscard]] bool wait_until(deadline until) noexcept;
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return wait_until(deadline::in(delay));
  }

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: it was set.
  //   Errors   errc::operation_canceled; nothing was taken. A request that comes together with
  //            set() loses: the call succeeds.
  [[nodiscard]] result<void> wait_or_stop() noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;
  bool pass() noexcept;
  int wait_as(const asked& how) noexcept;

  std::atomic<std::uint32_t> word_;  // 1: set
  const reset_mode mode_;
  alignas(8) std::byte memory_[24]{};
};

}  // namespace sluice
