// signal_event_bsd.cc: a pipe, whose read end every waiter has a duplicate of and nobody reads:
// each byte is an edge for all of them. One that is full is emptied by the announcer, since whoever
// looks at it afterwards sees what comes after.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "os/signal_event_posix.h"
#include "os/socket.h"

namespace sluice::os {
namespace {

std::atomic<int> read_end{no_handle};
std::atomic<int> write_end{no_handle};

}  // namespace

result<void> ensure_signal_event() noexcept {
  if (write_end.load(std::memory_order_relaxed) != no_handle) return {};  // relaxed: one at once
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return std::unexpected(error::from_errno(errno));
  for (const int end : ends) {
    if (make_non_blocking(end).ok() && make_close_on_exec(end).ok()) continue;
    const error failure = error::from_errno(errno);
    for (const int opened : ends) close_handle(opened);
    return std::unexpected(failure);
  }
  read_end.store(ends[0], std::memory_order_seq_cst);
  write_end.store(ends[1], std::memory_order_seq_cst);
  return {};
}

result<native_handle> copy_signal_event() noexcept {
  const int copy = ::fcntl(read_end.load(std::memory_order_relaxed), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return std::unexpected(error::from_errno(errno));
  return copy;
}

void announce_signal() noexcept {
  const int into = write_end.load(std::memory_order_seq_cst);
  while (::write(into, "", 1) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return;
    std::array<char, 4096> bytes;
    (void)::read(read_end.load(std::memory_order_seq_cst), bytes.data(), bytes.size());
  }
}

// Where ThreadSanitizer stands between (signals.h), it does so here too: there is no way around it.
bool tell_kernel(int, void (*)(int)) noexcept { return true; }

}  // namespace sluice::os
