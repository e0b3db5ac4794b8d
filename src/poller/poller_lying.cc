#include "poller/poller_lying.h"

#include <algorithm>
#include <utility>

#include "poller/operation.h"
#include "poller/poll_desc.h"

namespace sluice::rt {

poller_lying::poller_lying(std::unique_ptr<poller> honest, std::uint64_t seed)
    : honest_(std::move(honest)), random_(seed) {}

result<void> poller_lying::add(os::native_handle fd, const poll_desc& desc) {
  get_to_know({desc.index(), desc.generation(), 0});
  return honest_->add(fd, desc);
}

result<void> poller_lying::submit(operation& asked) noexcept {
  get_to_know({asked.whom.desc, asked.whom.generation, 0});
  return honest_->submit(asked);
}

bool poller_lying::cancel(operation& asked) noexcept { return honest_->cancel(asked); }

void poller_lying::get_to_know(const report& use) {
  {
    const std::lock_guard lock(mutex_);
    if (known_.size() < most_known) {
      known_.push_back(use);
    } else {
      known_[next_known_++ % most_known] = use;
    }
  }
  earn();
}

void poller_lying::remove(os::native_handle fd, const poll_desc& desc) noexcept {
  honest_->remove(fd, desc);
}

void poller_lying::wake() noexcept { honest_->wake(); }

// The steps: let out what was held back, ask the honest one (without blocking while something is
// still held), distort what it says, make something up.
void poller_lying::wait(std::int64_t until, report_list& out) noexcept {
  if (out.full()) return;
  const std::size_t first = out.size();
  release_due(out);
  report_list truth;
  honest_->wait(held_.empty() && out.size() == first ? until : poll_without_blocking, truth);
  for (const report& item : truth) {
    earn();
    tell(item, out);
  }
  make_up(out);
  shuffle(out, first, random_);
}

void poller_lying::earn() noexcept {
  const std::lock_guard lock(mutex_);
  extras_ = std::min(extras_ + extras_per_event, most_extras);
}

bool poller_lying::spend() noexcept {
  const std::lock_guard lock(mutex_);
  if (extras_ == 0) return false;
  --extras_;
  return true;
}

void poller_lying::tell(const report& item, report_list& out) {
  if (merge_with_held(item)) return;
  if (chance(30)) {
    ++told_.delayed;
    hold(item, 1 + static_cast<unsigned>(random_() % longest_delay));
    return;
  }
  const unsigned both = ready_to_read | ready_to_write;
  if ((item.what & both) == both && chance(30)) {
    ++told_.split;
    report half = item;
    half.what = static_cast<std::uint8_t>(item.what & ~unsigned{ready_to_write});
    push_or_hold(half, out);
    half.what = ready_to_write;
    push_or_hold(half, out);
    return;
  }
  push_or_hold(item, out);
  if (chance(20) && spend()) {
    ++told_.doubled;
    push_or_hold(item, out);
  }
  if (chance(20) && spend()) {
    ++told_.doubled;
    hold(item, 1);
  }
}

bool poller_lying::merge_with_held(const report& item) {
  const auto held = std::ranges::find_if(held_, [&](const held_report& one) {
    return one.item.desc == item.desc && one.item.generation == item.generation;
  });
  if (held == held_.end() || !chance(50)) return false;
  ++told_.merged;
  held->item.what |= item.what;
  return true;
}

void poller_lying::make_up(report_list& out) {
  while (!out.full() && chance(40) && spend()) {
    const std::lock_guard lock(mutex_);
    if (known_.empty()) return;
    report item = known_[random_() % known_.size()];
    item.what = chance(50) ? ready_to_write : ready_to_read;
    // As the contract has it, what is exceptional is something to read.
    if (item.what == ready_to_read && chance(50)) item.what |= ready_exceptional;
    const bool present = std::ranges::none_of(known_, [&](const report& other) {
      return other.desc == item.desc && other.generation > item.generation;
    });
    ++(present ? told_.spurious : told_.stale);
    out.push(item);
  }
}

void poller_lying::release_due(report_list& out) {
  std::vector<held_report> kept;
  for (held_report& one : held_) {
    if (one.waits_left > 0) --one.waits_left;
    if (one.waits_left == 0 && !out.full()) {
      out.push(one.item);
    } else {
      kept.push_back(one);
    }
  }
  held_ = std::move(kept);
}

void poller_lying::hold(const report& item, unsigned waits) { held_.push_back({item, waits}); }

void poller_lying::push_or_hold(const report& item, report_list& out) {
  if (out.full()) {
    hold(item, 1);
  } else {
    out.push(item);
  }
}

void poller_lying::shuffle(report_list& out, std::size_t first, std::mt19937_64& random) noexcept {
  for (std::size_t i = out.size(); i > first + 1; --i) {
    std::swap(out[i - 1], out[first + random() % (i - first)]);
  }
}

}  // namespace sluice::rt
