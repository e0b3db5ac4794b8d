// connect.cc: a connect that would block is waited for as a write is.
#include <algorithm>

#include "net/fd_ops.h"
#include "os/clock.h"

namespace sluice::net {
namespace {

// Waits until the system has decided; the handshake is under way.
result<void> await_connection(io_handle& handle) noexcept {
  for (;;) {
    if (auto failed = rt::descriptor_wait(handle.desc(), direction::write, handle.fd(),
                                          rt::wait_kind::dial)) {
      return std::unexpected(*failed);
    }
    const os::outcome status = os::pending_error(handle.fd());
    if (status.is_connected()) return {};
    if (!status.ok() && !status.in_progress()) return std::unexpected(status.failure());
    // No error may mean not yet: a report can be spurious. Only a connected socket has a peer.
    if (status.ok() && os::remote_address(handle.fd())) return {};
  }
}

// A local listener whose backlog is full refuses at once, and nothing ever reports that there is
// room again; so it is asked now and then.
void pause_for_backlog(io_handle& handle, std::int64_t delay) noexcept {
  rt::parker& self = rt::this_parker();
  const std::int64_t end = os::monotonic_now() + delay;
  // relaxed: only the dialing fiber has set it, and nobody else knows the handle.
  const std::int64_t limit =
      handle.desc().deadline(direction::write).load(std::memory_order_relaxed);
  const std::int64_t until = limit > 0 && limit < end ? limit : end;
  rt::park_begin(self, {.kind = rt::wait_kind::dial, .on = &handle, .until = until});
  if (rt::park_interrupted(self) && rt::park_withdraw(self)) return;
  rt::park(self);
}

constexpr std::int64_t first_pause = 1'000'000;
constexpr std::int64_t longest_pause = 64'000'000;

}  // namespace

result<void> connect(io_handle& handle, const address& where) noexcept {
  for (std::int64_t pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    if (auto refused = rt::descriptor_check(handle.desc(), direction::write)) {
      return std::unexpected(*refused);
    }
    const os::outcome started = os::connect(handle.fd(), where);
    if (started.ok() || started.is_connected()) return {};
    if (started.in_progress()) return await_connection(handle);
    if (!started.would_block()) return std::unexpected(started.failure());
    pause_for_backlog(handle, pause);
  }
}

}  // namespace sluice::net
