// barrier.h: a number of participants who meet again and again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {
namespace detail {

// barrier without its completion function.
class barrier_core {
 public:
  static constexpr std::ptrdiff_t most = 0x7fffffff;
  // What runs between the last arrival and the wake of those who wait; no lock is held.
  struct completion {
    void (*run)(void* of) noexcept;
    void* of;
  };

  constexpr explicit barrier_core(std::ptrdiff_t expected) noexcept
      : expected_(static_cast<std::uint32_t>(expected)), left_(expected_) {}
  ~barrier_core();
  barrier_core(const barrier_core&) = delete;
  barrier_core& operator=(const barrier_core&) = delete;

  // Returns the phase that was arrived at.
  std::uint32_t arrive(std::ptrdiff_t count, std::ptrdiff_t dropped,
                       const completion& at_end) noexcept;
  void wait(std::uint32_t phase) noexcept;
  [[nodiscard]] bool wait_until(std::uint32_t phase, deadline until) noexcept;
  [[nodiscard]] result<void> wait_or_stop(std::uint32_t phase) noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;
  int wait_as(std::uint32_t phase, const asked& how) noexcept;

  // All under the guard in memory_.
  std::uint32_t expected_;
  std::uint32_t left_;
  std::uint32_t phase_ = 0;
  alignas(8) std::byte memory_[24]{};
};

[[noreturn]] void refuse_participants();

struct nothing_to_complete {
  void operator()() const noexcept {}
};

}  // namespace detail

// std::barrier, for fibers too: in each phase everybody waits until all have arrived. The last one
// runs the completion function, which may block, then the next phase begins. Destroying it while
// somebody waits is reported in debug builds.
template <class CompletionFunction = detail::nothing_to_complete>
class barrier {
  static_assert(std::is_nothrow_invocable_v<CompletionFunction&>);

 public:
  class [[nodiscard]] arrival_token {
   public:
    arrival_token(arrival_token&&) noexcept = default;
    arrival_token& operator=(arrival_token&&) noexcept = default;

   private:
    friend class barrier;
    explicit arrival_token(std::uint32_t phase) noexcept : phase_(phase) {}
    std::uint32_t phase_;
  };

  // Errors: std::invalid_argument unless 0 <= expected <= max().
  constexpr explicit barrier(std::ptrdiff_t expected,
                             CompletionFunction complete = CompletionFunction())
      : core_(checked(expected)), complete_(std::move(complete)) {}

  [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept {
    return detail::barrier_core::most;
  }

  // Arrives `count` times without waiting.
  //
  //   Returns  what wait() takes: the phase.
  //   Blocks   never, but for the completion function if this is the last arrival.
  //   Errors   more arrivals than the phase expects, or none, end the program.
  //   Threads  any.
  arrival_token arrive(std::ptrdiff_t count = 1) noexcept {
    return arrival_token(core_.arrive(count, 0, completion()));
  }

  // Waits for the end of the phase that `arrival` belongs to.
  //
  //   Blocks   the calling fiber or plain thread; not cut short by a request to stop.
  //   Threads  any number.
  void wait(arrival_token&& arrival) noexcept { core_.wait(arrival.phase_); }
  void arrive_and_wait() noexcept { wait(arrive()); }

  // Arrives, and is no longer expected in the phases that follow.
  void arrive_and_drop() noexcept { (void)core_.arrive(1, 1, completion()); }

  // As wait(), until `until` at the latest; the arrival stays counted, and may be waited for again.
  //
  //   Returns  true if the phase has ended.
  //   Units    the steady clock.
  [[nodiscard]] bool wait_until(const arrival_token& arrival, deadline until) noexcept {
    return core_.wait_until(arrival.phase_, until);
  }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(const arrival_token& arrival,
                              std::chrono::duration<Rep, Period> delay) noexcept {
    return wait_until(arrival, deadline::in(delay));
  }

  // As wait(), but gives up when the calling fiber is asked to stop.
  //
  //   Returns  nothing: the phase has ended.
  //   Errors   errc::operation_canceled; the arrival stays counted.
  [[nodiscard]] result<void> wait_or_stop(const arrival_token& arrival) noexcept {
    return core_.wait_or_stop(arrival.phase_);
  }
  [[nodiscard]] result<void> arrive_and_wait_or_stop() noexcept { return wait_or_stop(arrive()); }

 private:
  static constexpr std::ptrdiff_t checked(std::ptrdiff_t expected) {
    if (expected < 0 || expected > max()) detail::refuse_participants();
    return expected;
  }
  detail::barrier_core::completion completion() noexcept {
    return {[](void* self) noexcept { static_cast<barrier*>(self)->complete_(); }, this};
  }

  detail::barrier_core core_;
  [[no_unique_address]] CompletionFunction complete_;
};

}  // namespace sluice
