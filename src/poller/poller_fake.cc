#include "poller/poller_fake.h"

#include <chrono>
#include <utility>

#include "poller/poll_desc.h"

namespace sluice::rt {

result<void> poller_fake::add(os::native_handle fd, const poll_desc& desc) {
  const std::lock_guard lock(mutex_);
  if (refusal_) return std::unexpected(*std::exchange(refusal_, std::nullopt));
  if (!registered_.try_emplace(fd, desc.index(), desc.generation()).second) {
    return std::unexpected(error(std::errc::file_exists));
  }
  return {};
}

void poller_fake::remove(os::native_handle fd, const poll_desc&) noexcept {
  const std::lock_guard lock(mutex_);
  registered_.erase(fd);
}

void poller_fake::block(lock_type& lock, std::int64_t until) {
  ++blocked_waits_;
  const auto news = [this] { return has_news(); };
  if (until == poll_forever) {
    changed_.wait(lock, news);
  } else {
    changed_.wait_until(
        lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(until)), news);
  }
}

void poller_fake::wait(std::int64_t until, report_list& out) noexcept {
  lock_type lock(mutex_);
  ++waits_;
  if (out.full()) return;
  if (!has_news() && until > poll_without_blocking) block(lock, until);
  woken_ = false;
  while (!scripted_.empty() && !out.full()) {
    out.push(scripted_.front());
    scripted_.pop_front();
  }
}

void poller_fake::wake() noexcept {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_one();
}

void poller_fake::script(const report& item) {
  const std::lock_guard lock(mutex_);
  scripted_.push_back(item);
  changed_.notify_one();
}

bool poller_fake::script(os::native_handle fd, std::uint8_t what) {
  const std::lock_guard lock(mutex_);
  const auto found = registered_.find(fd);
  if (found == registered_.end()) return false;
  scripted_.push_back({found->second.desc, found->second.generation, what});
  changed_.notify_one();
  return true;
}

void poller_fake::refuse_next_add(error failure) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(failure);
}

bool poller_fake::watches(os::native_handle fd) const {
  const std::lock_guard lock(mutex_);
  return registered_.contains(fd);
}

std::uint64_t poller_fake::waits() const {
  const std::lock_guard lock(mutex_);
  return waits_;
}

std::uint64_t poller_fake::blocked_waits() const {
  const std::lock_guard lock(mutex_);
  return blocked_waits_;
}

}  // namespace sluice::rt
