// accept_loop.h: what an accept does with each answer of the system; the answers come from `Try`,
// so that the tests can bring their own.
#pragma once

#include <cstdio>

#include "net/fd_ops.h"
#include "net/fd_waits.h"
#include "os/clock.h"

namespace sluice::net {

// One line on the standard error, the first time only: a server that is out of descriptors would
// fill the log otherwise.
inline void log_exhaustion_once(accept_state& state, const error& why) noexcept {
  // relaxed: a tally.
  state.exhausted.fetch_add(1, std::memory_order_relaxed);
  if (std::exchange(state.logged, true)) return;
  std::fprintf(stderr, "sluice: accept %s: %s; waiting for a descriptor to be closed\n",
               state.name.c_str(), why.message().c_str());
}

// When the back-off is over: the listener's deadline ends it as well.
inline std::int64_t back_off_end(io_handle& listener, accept_state& state) noexcept {
  const std::int64_t end = os::monotonic_now() + state.delay.next();
  // seq_cst: set_deadline stores it, then nudges (descriptor_pressure); we took the ticket first.
  const std::int64_t limit =
      listener.desc().deadline(direction::read).load(std::memory_order_seq_cst);
  return limit > 0 && limit < end ? limit : end;
}

// The caller has the read turn. `Try` is called as try_accept() -> os::outcome, `Wait` as
// wait() -> waited when that would block.
template <class Try, class Wait>
result<os::native_handle> accept_loop(io_handle& listener, accept_state& state, Try try_accept,
                                      Wait wait) noexcept {
  rt::poll_desc& desc = listener.desc();
  descriptor_pressure& pressure = descriptor_pressure::instance();
  fair_share& share = listener.share(direction::read);
  share.use();
  for (;;) {
    const std::uint32_t ticket = pressure.ticket();
    if (auto refused = rt::descriptor_check(desc, direction::read)) {
      return std::unexpected(*refused);
    }
    static_cast<void>(desc.slot(direction::read).take_token(desc.generation()));
    os::outcome taken = try_accept();
    if (taken.would_block()) {
      const waited came = wait();
      if (came.failed) return std::unexpected(*came.failed);
      share.waited();
      if (!came.done || came.done->would_block()) continue;
      taken = *came.done;
    }
    if (taken.ok()) {
      state.delay.reset();
      return taken.handle();
    }
    if (taken.is_passing()) continue;
    if (taken.is_exhausted()) {
      log_exhaustion_once(state, taken.failure());
      pressure.wait(ticket, back_off_end(listener, state));
      continue;
    }
    return std::unexpected(taken.failure());
  }
}

}  // namespace sluice::net
