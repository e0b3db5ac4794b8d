// poller_harness.h: what a test needs to hold a poller to its contract: descriptors that are
// registered and removed, and a loop that waits and applies, as a worker's does. Tests only.
//
// Every loop is bounded by `patience` on the clock, so that a lost report is a failure and not a
// hang; nothing else here looks at the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "os/handle.h"
#include "poller/poll_table.h"
#include "testing/socket_pairs.h"

namespace sluice::rt {

inline constexpr std::int64_t patience = 20'000'000'000;  // nanoseconds

// How a report reaches its descriptor. The library's way:
struct checked_delivery {
  static poll_desc::woken apply(poll_desc& desc, const report& item) { return desc.apply(item); }
};

// The planted fault: the check of the generation is compiled out. It makes the suite fail.
struct unchecked_delivery {
  static poll_desc::woken apply(poll_desc& desc, report item) {
    item.generation = desc.generation();
    return desc.apply(item);
  }
};

class poller_harness {
 public:
  explicit poller_harness(std::unique_ptr<poller> under_test) : poller_(std::move(under_test)) {}

  [[nodiscard]] bool has_poller() const noexcept { return poller_ != nullptr; }
  [[nodiscard]] poller& under_test() const noexcept { return *poller_; }
  [[nodiscard]] poll_table& table() noexcept { return table_; }

  // One wait. Checks what every report must fulfil, applies it, and notes it.
  template <class Delivery = checked_delivery>
  void pump(std::int64_t until);

  // Waits until the present use of `desc` was reported ready for all of `what`; takes those notes
  // and the tokens, as a reader does before its system call. False: lost.
  [[nodiscard]] bool sees(poll_desc& desc, unsigned what);

  // Waits without blocking, more often than any report may be held back; returns what was reported
  // of the present use of `desc`, and forgets it.
  unsigned collect(poll_desc& desc);

  // What broke the contract so far, one sentence each.
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }
  // Reports of an earlier use so far.
  [[nodiscard]] std::uint64_t late_reports() const noexcept { return late_; }

 private:
  static constexpr int settling_waits = 16;

  template <class Delivery>
  void deliver(const report& item);
  void inspect(const report& item, const poll_desc& desc);
  [[nodiscard]] unsigned take_notes(poll_desc& desc);

  poll_table table_;
  const std::unique_ptr<poller> poller_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, unsigned> noted_;  // by index and generation
  std::vector<std::string> failures_;
  std::uint64_t late_ = 0;
};

template <class Delivery>
void poller_harness::pump(std::int64_t until) {
  report_list reports;
  poller_->wait(until, reports);
  for (const report& item : reports) deliver<Delivery>(item);
}

template <class Delivery>
void poller_harness::deliver(const report& item) {
  poll_desc& desc = table_.at(item.desc);
  inspect(item, desc);
  noted_[{item.desc, item.generation}] |= item.what;
  const bool late = item.generation != desc.generation();
  const bool had_read = desc.slot(direction::read).has_token();
  const bool had_write = desc.slot(direction::write).has_token();
  const bool was_exceptional = desc.exceptional();
  const poll_desc::woken parks = Delivery::apply(desc, item);
  if (!late) return;
  ++late_;
  if (parks.reader || parks.writer) failures_.emplace_back("a late report woke a waiter");
  if (desc.slot(direction::read).has_token() != had_read ||
      desc.slot(direction::write).has_token() != had_write) {
    failures_.emplace_back("a late report left a token");
  }
  if (desc.exceptional() != was_exceptional) {
    failures_.emplace_back("a late report made the reader careful");
  }
}

// A descriptor that is registered as long as this lives. The socket stays with the caller, and
// lives longer.
class registration {
 public:
  registration(poller_harness& harness, os::native_handle fd)
      : harness_(&harness), fd_(fd), desc_(harness.table().take().value()) {
    added_ = harness.under_test().add(fd, *desc_);
  }
  registration(registration&& other) noexcept
      : harness_(other.harness_),
        fd_(other.fd_),
        desc_(std::exchange(other.desc_, nullptr)),
        added_(std::move(other.added_)) {}
  registration& operator=(registration&&) = delete;
  ~registration() {
    if (desc_ == nullptr) return;
    if (added_) harness_->under_test().remove(fd_, *desc_);
    harness_->table().give(*desc_);
  }

  [[nodiscard]] poll_desc& desc() const noexcept { return *desc_; }
  [[nodiscard]] const result<void>& added() const noexcept { return added_; }

 private:
  poller_harness* harness_;
  os::native_handle fd_;
  poll_desc* desc_;
  result<void> added_;
};

inline bool poller_harness::sees(poll_desc& desc, unsigned what) {
  const std::int64_t limit = os::monotonic_now() + patience;
  unsigned seen = take_notes(desc);
  while ((seen & what) != what) {
    if (os::monotonic_now() >= limit) return false;
    pump(limit);
    seen |= take_notes(desc);
  }
  return true;
}

inline unsigned poller_harness::collect(poll_desc& desc) {
  for (int i = 0; i < settling_waits; ++i) pump(poll_without_blocking);
  return take_notes(desc);
}

inline void poller_harness::inspect(const report& item, const poll_desc& desc) {
  // Generations of one descriptor only grow; a report of one to come would be a guess.
  if (item.generation > desc.generation()) failures_.emplace_back("a report from the future");
  constexpr unsigned known = ready_to_read | ready_to_write | ready_exceptional;
  if (item.what == 0 || (item.what & ~known) != 0) failures_.emplace_back("a report of nothing");
  // The token of a read is what publishes the sticky mark (poll_desc.h).
  if ((item.what & ready_exceptional) != 0 && (item.what & ready_to_read) == 0) {
    failures_.emplace_back("exceptional without something to read");
  }
}

inline unsigned poller_harness::take_notes(poll_desc& desc) {
  for (const direction side : {direction::read, direction::write}) {
    desc.slot(side).take_token(desc.generation());
  }
  return std::exchange(noted_[{desc.index(), desc.generation()}], 0U);
}

}  // namespace sluice::rt
