#include "net/io_handle.h"

#include <new>
#include <system_error>
#include <thread>

#include "base/bug.h"
#include "os/signals.h"
#include "sched/park_time.h"

namespace sluice::net {
namespace {

// close(2) of a socket with a positive linger and unsent data waits, non-blocking or not. A thread
// of its own does it, and the fiber parks meanwhile; the join after it takes only the thread's end.
// Without a thread to be had the worker is blocked: slow, but right.
void close_in_thread(os::native_handle fd) noexcept {
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::linger, .stoppable = false});
  const std::uint32_t epoch = self.word.epoch();
  try {
    std::thread closer([&self, fd, epoch] {
      os::block_signals();  // as the monitor does
      os::close_handle(fd);
      rt::wake(self, epoch, rt::wake_reason::partner);
    });
    rt::park(self);
    closer.join();
  } catch (const std::system_error&) {
    if (!rt::park_withdraw(self)) rt::park(self);
    os::close_handle(fd);
  }
}

}  // namespace

result<io_handle_ptr> io_handle::create(os::native_handle fd, const os::socket_traits& traits,
                                        on_failure otherwise) noexcept {
  const auto refuse = [&](const error& why) -> std::unexpected<error> {
    if (otherwise == on_failure::close) os::close_handle(fd);
    return std::unexpected(why);
  };
  auto desc = rt::descriptor_open();
  if (!desc) return refuse(desc.error());
  io_handle_ptr made(new (std::nothrow) io_handle(fd, **desc, traits));
  if (made != nullptr) return made;
  rt::descriptor_close(**desc, fd);
  return refuse(std::errc::not_enough_memory);
}

io_handle::~io_handle() {
#ifndef NDEBUG
  if (lock_.in_use()) misuse("a connection was destroyed while another fiber was inside its calls");
#endif
  // Closed already is as good.
  static_cast<void>(close());
}

result<void> io_handle::close() noexcept {
  if (!begin_alone()) return std::unexpected(error(errc::closed));
  forget_desc(!is_known());
  close_descriptor();
  return {};
}

result<os::native_handle> io_handle::release() noexcept {
  if (!begin_alone()) return std::unexpected(error(errc::closed));
  forget_desc(false);
  // Its runtime's pollers are gone, and have forgotten it only where a system's pollers do.
  if (is_orphan()) os::leave_poller(fd_);
  return fd_;
}

bool io_handle::begin_alone() noexcept {
  if (!lock_.begin_close()) return false;
  if (!is_orphan()) rt::descriptor_shut(*desc_);
  lock_.refuse_waiters();
  if (traits_.is_listening) descriptor_pressure::instance().nudge();
  lock_.await_users();
  return true;
}

void io_handle::forget_desc(bool closed_next) noexcept {
  if (!is_orphan()) rt::descriptor_close(*desc_, fd_, closed_next);
}

void io_handle::close_descriptor() noexcept {
  if (linger_.load(std::memory_order_relaxed) > 0) {
    close_in_thread(fd_);
  } else {
    os::close_handle(fd_);
  }
  descriptor_pressure::instance().relieve();
}

result<void> io_handle::set_deadline(rt::direction side, deadline when) noexcept {
  const visit inside(lock_);
  if (!inside) return std::unexpected(error(errc::closed));
  const std::int64_t until = when.is_none() ? rt::deadline_none : rt::park_time(when);
  rt::descriptor_set_deadline(*desc_, side, until);
  if (traits_.is_listening) descriptor_pressure::instance().nudge();
  return {};
}

}  // namespace sluice::net
