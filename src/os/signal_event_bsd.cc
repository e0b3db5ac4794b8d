// signal_event_bsd.cc: a pipe, whose read end every waiter has a duplicate of and none of them
// reads. kqueue(2) promises no edge for a byte behind an unread one, so an announcement is
//   1 the signal is noted   2 empty the pipe   3 write a byte
// Whatever byte is there in 3 was written after 2, so the first of those was an edge, and whoever
// is woken by that edge sees what was noted in 1.
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
  const int from = read_end.load(std::memory_order_seq_cst);
  const int into = write_end.load(std::memory_order_seq_cst);
  // More than there are announcers at once, a byte for each.
  std::array<char, 4096> bytes;
  while (::read(from, bytes.data(), bytes.size()) < 0 && errno == EINTR) {
  }
  while (::write(into, "", 1) < 0 && errno == EINTR) {
  }
}

// Where ThreadSanitizer stands between (signals.h), it does so here too: there is no way around it.
bool tell_kernel(int, void (*)(int)) noexcept { return true; }

}  // namespace sluice::os
