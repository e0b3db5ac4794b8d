// poller_lying.h: wraps a real poller and says everything that the contract lets a backend say:
// reports that are spurious, late, doubled, merged, split, out of order and of an earlier use of
// the descriptor's memory. For tests: what stands above must not mind.
//
// It never loses a report, and it never spins. A report that is held back makes the next waits
// return without blocking until it is out, a few waits later. What it makes up is paid for from an
// account that only real reports and registrations fill, so that a program that has come to rest
// stays at rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "poller/poller.h"

namespace sluice::rt {

class poller_lying final : public poller {
 public:
  // How often it has told what; racy while somebody waits.
  struct lies {
    std::uint64_t spurious = 0;  // made up, of the present use
    std::uint64_t stale = 0;     // made up, of an earlier use
    std::uint64_t delayed = 0;
    std::uint64_t doubled = 0;
    std::uint64_t merged = 0;
    std::uint64_t split = 0;
  };

  // The same seed and the same calls give the same lies.
  poller_lying(std::unique_ptr<poller> honest, std::uint64_t seed);

  [[nodiscard]] result<void> add(os::native_handle fd, const poll_desc& desc) override;
  void remove(os::native_handle fd, const poll_desc& desc) noexcept override;
  void wait(std::int64_t until, report_list& out) noexcept override;
  void wake() noexcept override;
  [[nodiscard]] bool completes() const noexcept override { return honest_->completes(); }
  [[nodiscard]] bool ties() const noexcept override { return honest_->ties(); }
  [[nodiscard]] result<void> submit(operation& asked) noexcept override;
  [[nodiscard]] bool cancel(operation& asked) noexcept override;

  [[nodiscard]] const lies& told() const noexcept { return told_; }

 private:
  struct held_report {
    report item;
    unsigned waits_left = 0;
  };

  // Made-up reports that one real report or registration pays for.
  static constexpr std::size_t extras_per_event = 2;
  static constexpr std::size_t most_extras = 64;
  static constexpr unsigned longest_delay = 3;  // waits
  static constexpr std::size_t most_known = 1024;

  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
  void get_to_know(const report& use);
  void earn() noexcept;
  [[nodiscard]] bool spend() noexcept;

  // The steps of wait.
  void tell(const report& item, report_list& out);
  void make_up(report_list& out);
  void release_due(report_list& out);
  static void shuffle(report_list& out, std::size_t first, std::mt19937_64& random) noexcept;

  [[nodiscard]] bool merge_with_held(const report& item);
  void hold(const report& item, unsigned waits);
  void push_or_hold(const report& item, report_list& out);

  const std::unique_ptr<poller> honest_;
  // Only the one who waits.
  std::mt19937_64 random_;
  std::vector<held_report> held_;
  lies told_;

  std::mutex mutex_;
  // GUARDED_BY(mutex_): adds come from any thread.
  std::vector<report> known_;  // every use there ever was, the oldest ones forgotten
  std::size_t next_known_ = 0;
  std::size_t extras_ = 0;
};

}  // namespace sluice::rt
