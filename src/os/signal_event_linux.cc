#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/unseen.h"
#include "os/signal_event_posix.h"

namespace sluice::os {
namespace {

std::atomic<int> event{no_handle};

// What the kernel knows of a signal: its own struct, not the C library's.
struct kernel_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  std::uint64_t mask;
};

}  // namespace

result<void> ensure_signal_event() noexcept {
  if (event.load(std::memory_order_relaxed) != no_handle) return {};  // relaxed: one thread at once
  const int made = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (made < 0) return std::unexpected(error::from_errno(errno));
  event.store(made, std::memory_order_seq_cst);
  return {};
}

result<native_handle> copy_signal_event() noexcept {
  const int copy = ::fcntl(event.load(std::memory_order_relaxed), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return std::unexpected(error::from_errno(errno));
  return copy;
}

// Nothing in it is announced to a sanitizer, whose own state the signal may have interrupted.
SLUICE_UNSEEN void announce_signal() noexcept {
  const std::uint64_t one = 1;
  // By its number: write() is intercepted.
  (void)::syscall(SYS_write, event.load(std::memory_order_seq_cst), &one, sizeof(one));
}

// The C library's return from a handler and its flags stay; only the function is ours again.
bool tell_kernel(int number, void (*handler)(int)) noexcept {
  kernel_action known{};
  if (::syscall(SYS_rt_sigaction, number, nullptr, &known, sizeof(known.mask)) != 0) return false;
  if (known.handler == handler) return true;
  known.handler = handler;
  return ::syscall(SYS_rt_sigaction, number, &known, nullptr, sizeof(known.mask)) == 0;
}

}  // namespace sluice::os
