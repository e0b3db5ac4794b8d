// poller_epoll.cc: the backend for Linux.
//
// A descriptor is registered once, for everything, edge-triggered: a wait costs no epoll_ctl. The
// event data is the poll_desc's index and generation, so that a report needs no look-up and a late
// one is told from a present one.
//
// The wake-up is an eventfd that is registered edge-triggered and never read: each write is an edge
// of its own, so a wake costs one system call, and none on the side that is woken.
//
// Rejected: EPOLLONESHOT or level triggering (1.5 µs of epoll_ctl for every wait, or a report for
// every poll until somebody reads), and EPOLLEXCLUSIVE (one shard watches a descriptor, so there is
// no herd to thin out).
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>

#include "base/bug.h"
#include "os/clock.h"
#include "os/epoll_linux.h"
#include "os/event_linux.h"
#include "poller/poll_desc.h"
#include "poller/poll_events_linux.h"
#include "poller/poller_backends.h"

namespace sluice::rt {
namespace {

// No poll_desc has this index (poll_table's limit is far below), so it marks the eventfd.
constexpr std::uint64_t wake_data = ~std::uint64_t{0};

std::uint64_t pack(const poll_desc& desc) noexcept {
  return (std::uint64_t{desc.generation()} << 32) | desc.index();
}

report unpack(std::uint64_t data, std::uint32_t events) noexcept {
  return {.desc = static_cast<std::uint32_t>(data),
          .generation = static_cast<std::uint32_t>(data >> 32),
          .what = readiness_of(events)};
}

// From an absolute time to what epoll_wait takes; reads the clock only for a real deadline.
std::int64_t timeout_for(std::int64_t until) noexcept {
  if (until == poll_forever) return os::epoll_no_limit;
  if (until <= poll_without_blocking) return 0;
  return std::max<std::int64_t>(0, until - os::monotonic_now());
}

class poller_epoll final : public poller {
 public:
  // Takes both descriptors over; the eventfd stands in the set.
  poller_epoll(os::native_handle set, os::native_handle event) noexcept
      : set_(set), event_(event) {}

  ~poller_epoll() override {
    os::close_handle(event_);
    os::close_handle(set_);
  }

  result<void> add(os::native_handle fd, const poll_desc& desc) override {
    return os::epoll_add(set_, fd, watched_events, pack(desc));
  }

  void remove(os::native_handle fd, const poll_desc&) noexcept override {
    // It can fail only for a descriptor that somebody closed behind our back, and the kernel has
    // ended that watch then.
    [[maybe_unused]] const result<void> ended = os::epoll_remove(set_, fd);
  }

  // epoll(7): a descriptor leaves the set when all that refer to its open file are closed.
  [[nodiscard]] bool close_ends_watch() const noexcept override { return true; }

  void wait(std::int64_t until, report_list& out) noexcept override {
    if (out.full()) return;
    std::array<epoll_event, report_list::capacity> events;
    const int got = os::epoll_wait(set_, std::span(events).first(out.room()), timeout_for(until));
    check(got >= 0, "the epoll set cannot be waited on");
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      const std::uint64_t data = events[i].data.u64;
      if (data != wake_data) out.push(unpack(data, events[i].events));
    }
  }

  void wake() noexcept override { os::event_signal(event_); }

 private:
  const os::native_handle set_;
  const os::native_handle event_;
};

// Closes its descriptor unless it is released: for the ways out of make_poller_epoll.
class handle_guard {
 public:
  explicit handle_guard(os::native_handle handle) noexcept : handle_(handle) {}
  handle_guard(const handle_guard&) = delete;
  handle_guard& operator=(const handle_guard&) = delete;
  ~handle_guard() {
    if (handle_ != os::no_handle) os::close_handle(handle_);
  }
  [[nodiscard]] os::native_handle get() const noexcept { return handle_; }
  void release() noexcept { handle_ = os::no_handle; }

 private:
  os::native_handle handle_;
};

}  // namespace

result<std::unique_ptr<poller>> make_poller_epoll() {
  const auto set = os::epoll_open();
  if (!set) return std::unexpected(set.error());
  handle_guard set_guard(*set);
  const auto event = os::event_open();
  if (!event) return std::unexpected(event.error());
  handle_guard event_guard(*event);
  if (auto added = os::epoll_add(*set, *event, EPOLLIN | EPOLLET, wake_data); !added) {
    return std::unexpected(added.error());
  }
  std::unique_ptr<poller> made(new (std::nothrow) poller_epoll(*set, *event));
  if (made == nullptr) return std::unexpected(error(std::errc::not_enough_memory));
  set_guard.release();
  event_guard.release();
  return made;
}

}  // namespace sluice::rt
