#include "os/signals.h"

#include <signal.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <mutex>

#include "base/unseen.h"
#include "os/signal_event_posix.h"

namespace sluice::os {
namespace {

constexpr int last_signal = NSIG - 1 < 64 ? NSIG - 1 : 64;  // what a mask of 64 bits holds

// What the handler touches: nothing but lock-free words.
std::atomic<std::uint64_t> noted{0};
std::atomic<void (*)() noexcept> afterwards{nullptr};

struct caught_signals {
  std::mutex mutex;
  std::uint64_t mask = 0;                                // GUARDED_BY(mutex)
  std::array<struct sigaction, last_signal> previous{};  // GUARDED_BY(mutex)
};
caught_signals& caught() noexcept {
  static caught_signals* const all = new caught_signals;
  return *all;
}

constexpr std::uint64_t bit_of(int number) noexcept { return std::uint64_t{1} << (number - 1); }

// Nothing in it is announced to a sanitizer, whose own state it may have interrupted.
SLUICE_UNSEEN void note_signal(int number) {
  const int saved = errno;
  // seq_cst: [A] before the write [B]; pairs with take_signal [C].
  noted.fetch_or(bit_of(number), std::memory_order_seq_cst);
  announce_signal();
  if (const auto call = unseen_load(afterwards)) call();
  errno = saved;
}

error last_error() noexcept { return error::from_errno(errno); }

}  // namespace

result<native_handle> open_signal_event() noexcept {
  {
    const std::lock_guard guard(caught().mutex);
    if (auto there = ensure_signal_event(); !there) return std::unexpected(there.error());
  }
  return copy_signal_event();
}

result<void> catch_signal(int number) noexcept {
  if (number < 1 || number > last_signal) {
    return std::unexpected(error(std::errc::invalid_argument));
  }
  caught_signals& all = caught();
  const std::lock_guard guard(all.mutex);
  if ((all.mask & bit_of(number)) != 0) return {};
  if (auto there = ensure_signal_event(); !there) return there;
  struct sigaction action = {};
  action.sa_handler = &note_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  if (::sigaction(number, &action, &all.previous[static_cast<std::size_t>(number - 1)]) != 0) {
    return std::unexpected(last_error());
  }
  if (!tell_kernel(number, &note_signal)) return std::unexpected(last_error());
  all.mask |= bit_of(number);
  return {};
}

const int quit_signal = SIGQUIT;

void after_noting(void (*call)() noexcept) noexcept {
  afterwards.store(call, std::memory_order_seq_cst);
}

void block_signals() noexcept {
  sigset_t every;
  sigfillset(&every);
  (void)::pthread_sigmask(SIG_SETMASK, &every, nullptr);
}

int take_signal(std::uint64_t mask) noexcept {
  std::uint64_t now = noted.load(std::memory_order_seq_cst);
  while ((now & mask) != 0) {
    const std::uint64_t lowest = (now & mask) & (~(now & mask) + 1);
    // seq_cst: [C]; of several waiters one takes it.
    if (noted.compare_exchange_weak(now, now & ~lowest, std::memory_order_seq_cst)) {
      return std::countr_zero(lowest) + 1;
    }
  }
  return 0;
}

void restore_signals() noexcept {
  caught_signals& all = caught();
  const std::lock_guard guard(all.mutex);
  for (int number = 1; number <= last_signal; ++number) {
    if ((all.mask & bit_of(number)) == 0) continue;
    (void)::sigaction(number, &all.previous[static_cast<std::size_t>(number - 1)], nullptr);
  }
  all.mask = 0;
  noted.store(0, std::memory_order_seq_cst);
}

}  // namespace sluice::os
