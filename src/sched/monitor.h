// monitor.h: the one thread without a processor. It watches the processors and sees to those that
// have been in one fiber for a while: what waits behind that fiber is handed to somebody else.
//
//   state      means                                   left by
//   watching   looks every 5 ms, every 1 ms while a    monitor, after a second in which all
//              processor has stayed in one fiber       processors slept -> asleep
//   asleep     waits on the futex without limit        processor_woke, stop, end -> watching
//
// Going to sleep:  1 state = asleep (seq_cst) [A]   2 look at the idle bits again (seq_cst): not
//                  all set, watch on   3 futex wait
// Processor:       1 take the idle bit back   2 fence   3 load state [B]: asleep, wake the monitor
// [A] and [B]: either the monitor sees that a processor woke, or the processor sees it asleep.
//
// The intervals are prices: a tick of 1 ms costs 1.2 % of a core, one of 20 us a fifth of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "sched/runtime.h"

namespace sluice::rt {

class monitor {
 public:
  explicit monitor(runtime& owner);
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;
  ~monitor();  // ends and joins the thread

  // A worker has left its sleep.
  void processor_woke() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    // relaxed: ordered by the fence. [B]
    if (state_.load(std::memory_order_relaxed) == asleep) [[unlikely]] {
      wake();
    }
  }

  // Looks at once: the runtime has begun to stop. All of them: there is a signal. Signal-safe.
  void wake() noexcept { wake(state_); }
  static void wake_all() noexcept;

  // Whether it has had nothing to look at for a second. For tests.
  [[nodiscard]] bool is_asleep() const noexcept {
    return state_.load(std::memory_order_seq_cst) == asleep;
  }

 private:
  static constexpr std::uint32_t watching = 0;
  static constexpr std::uint32_t asleep = 1;
  static constexpr std::uint32_t ended = 2;
  using state_word = std::atomic<std::uint32_t>;
  static constexpr std::int64_t calm_interval = 5'000'000;          // ns
  static constexpr std::int64_t alert_interval = 1'000'000;         // ns
  static constexpr std::int64_t idle_before_sleep = 1'000'000'000;  // ns

  static void wake(state_word& which) noexcept;
  void watch() noexcept;
  [[nodiscard]] bool look() noexcept;
  [[nodiscard]] bool has_waiting_work(processor& of, std::int64_t now) noexcept;
  void relieve(processor& stuck, std::int64_t now) noexcept;
  void trim_stacks(std::int64_t now, bool going_to_sleep) noexcept;
  void report_late_fibers(std::int64_t now) noexcept;
  void report_deadlock() noexcept;
  void report_circles(std::int64_t now, bool going_to_sleep) noexcept;
  [[nodiscard]] bool has_timers() noexcept;
  [[nodiscard]] std::uint64_t total_switches() noexcept;
  void dump_on_request() noexcept;
  void say(const char* headline) noexcept;
  void pause(std::int64_t until, std::uint32_t expected) noexcept;
  [[nodiscard]] bool all_idle() noexcept;

  runtime& owner_;
  // The process's, one for each runtime's place: a signal's handler wakes monitors that may be
  // ending.
  static inline constinit state_word states_[runtime_limit]{};
  state_word& state_;
  // The monitor's thread only.
  std::vector<std::uint64_t> last_switches_;
  std::int64_t idle_since_ = 0;
  std::int64_t last_trim_ = 0;
  std::int64_t stopping_since_ = 0;
  std::int64_t last_search_ = 0;
  bool reported_late_ = false;
  std::vector<std::uint64_t> reported_circles_;  // by the least number in each
  std::thread thread_;
};

}  // namespace sluice::rt
