// connect.cc: connecting, with the one case that nobody reports.
#include <algorithm>

#include "net/fd_ops.h"
#include "net/fd_waits.h"
#include "os/clock.h"

namespace sluice::net {
namespace {

// A local listener whose backlog is full refuses at once, and nothing ever reports that there is
// room again; so it is asked now and then.
void pause_for_backlog(io_handle& handle, std::int64_t delay) noexcept {
  rt::parker& self = rt::this_parker();
  const std::int64_t end = os::monotonic_now() + delay;
  // relaxed: only the dialing fiber has set it, and nobody else knows the handle.
  const std::int64_t limit =
      handle.desc().deadline(direction::write).load(std::memory_order_relaxed);
  const std::int64_t until = limit > 0 && limit < end ? limit : end;
  rt::park_begin(self, {.kind = rt::wait_kind::dial, .until = until});
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
    const waited came = waits().connect(handle, where);
    if (came.failed) return std::unexpected(*came.failed);
    if (!came.done) continue;
    if (came.done->ok() || came.done->is_connected()) return {};
    if (!came.done->would_block()) return std::unexpected(came.done->failure());
    pause_for_backlog(handle, pause);
  }
}

}  // namespace sluice::net
