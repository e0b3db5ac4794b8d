// wait_fd.cc: one wait is one use of a poll_desc, on a duplicate of the descriptor. Pollers keep
// one watch for a descriptor, which may be in use already, by another wait or by a stream; and a
// number that its owner closes too early may be another file's in the next moment.
//
// What counts is what poll(2) says; reports only make it worth another look. So a wait returns
// nothing that is not there, and costs one system call if it need not wait.
#include "sluice/wait_fd.h"

#include "os/clock.h"
#include "os/readiness.h"
#include "sched/descriptor.h"
#include "sched/park_time.h"

namespace sluice {
namespace {

result<fd_events> wait_with(rt::poll_desc& desc, rt::foreign_descriptor fd, fd_events events,
                            std::int64_t until) noexcept {
  for (;;) {
    // What is ready when it is registered is reported, so nothing came too early.
    if (auto failed = rt::descriptor_wait_any(desc, fd, events, until)) {
      return std::unexpected(*failed);
    }
    const auto ready = os::ready_now(fd.watched, events);
    if (!ready || *ready != fd_events::none) return ready;
    if (os::has_passed(until)) return std::unexpected(error(errc::deadline_exceeded));
  }
}

result<fd_events> wait_on_duplicate(int fd, fd_events events, std::int64_t until) noexcept {
  const auto copy = os::duplicate(fd);
  if (!copy) return std::unexpected(copy.error());
  auto desc = rt::descriptor_open();
  if (!desc) {
    os::close_handle(*copy);
    return std::unexpected(desc.error());
  }
  auto ready = wait_with(**desc, {.watched = *copy, .named = fd}, events, until);
  rt::descriptor_close(**desc, *copy);
  os::close_handle(*copy);
  return ready;
}

}  // namespace

result<fd_events> wait_fd(int fd, fd_events events, deadline until) noexcept {
  events = events & fd_events::both;
  if (events == fd_events::none) {
    return std::unexpected(error(std::errc::invalid_argument));
  }
  if (rt::this_fiber_or_null() == nullptr) return std::unexpected(error(errc::not_a_fiber));
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  const auto ready = os::ready_now(fd, events);
  if (!ready || *ready != fd_events::none) return ready;
  const std::int64_t end = rt::park_time(until);
  if (os::has_passed(end)) return std::unexpected(error(errc::deadline_exceeded));
  return wait_on_duplicate(fd, events, end);
}

}  // namespace sluice
