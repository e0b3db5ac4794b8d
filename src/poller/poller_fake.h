// poller_fake.h: a poller without an operating system, for tests of what stands above it: it says
// what the test has scripted, when the test says it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "poller/poller.h"

namespace sluice::rt {

class poller_fake final : public poller {
 public:
  // Keeps the contract, but for wake(): it takes a mutex, so no signal handler may call it.
  [[nodiscard]] result<void> add(os::native_handle fd, const poll_desc& desc) override;
  void remove(os::native_handle fd, const poll_desc& desc) noexcept override;
  void wait(std::int64_t until, report_list& out) noexcept override;
  void wake() noexcept override;

  // The test's side; any thread.

  // Queues one report as it is, stale or made up. The current or the next wait returns with it.
  void script(const report& item);
  // Queues a report for what is registered under `fd` now. False: nothing is.
  bool script(os::native_handle fd, std::uint8_t what);
  // The next add, and only that, fails with `failure`.
  void refuse_next_add(error failure);
  [[nodiscard]] bool watches(os::native_handle fd) const;
  // How many waits have begun, and how many of them had to block.
  [[nodiscard]] std::uint64_t waits() const;
  [[nodiscard]] std::uint64_t blocked_waits() const;

 private:
  struct registration {
    std::uint32_t desc = 0;
    std::uint32_t generation = 0;
  };
  using lock_type = std::unique_lock<std::mutex>;

  [[nodiscard]] bool has_news() const { return woken_ || !scripted_.empty(); }
  void block(lock_type& lock, std::int64_t until);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All GUARDED_BY(mutex_).
  std::map<os::native_handle, registration> registered_;
  std::deque<report> scripted_;
  std::optional<error> refusal_;
  bool woken_ = false;
  std::uint64_t waits_ = 0;
  std::uint64_t blocked_waits_ = 0;
};

}  // namespace sluice::rt
