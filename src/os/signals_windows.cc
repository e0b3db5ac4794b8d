// signals_windows.cc: what comes from the console, and what the program raises itself. The console
// has three kinds of news: Ctrl+C is SIGINT, Ctrl+Break is SIGBREAK, and the window's closing, the
// user's logging off and the shutdown are SIGTERM, as Go has it.
#include <windows.h>

#include <atomic>
#include <bit>
#include <csignal>
#include <mutex>

#include "os/error_windows.h"
#include "os/signal_announcer_windows.h"
#include "os/signals.h"

namespace sluice::os {
namespace {

constexpr int last_signal = 64;
constexpr std::uint64_t bit_of(int number) noexcept { return std::uint64_t{1} << (number - 1); }

using handler = void (*)(int);

std::atomic<std::uint64_t> noted{0};
// What is caught. Written under the mutex; seq_cst, as all here: a few times in a program's life.
std::atomic<std::uint64_t> caught{0};
std::atomic<void (*)() noexcept> announcer{nullptr};
std::atomic<void (*)() noexcept> afterwards{nullptr};

struct previous_handlers {
  std::mutex mutex;
  // Whether the system calls on_console, from the first catch_signal on and for good: taking it
  // back would wait for the lock that the system holds while on_console sleeps.
  bool listens = false;          // GUARDED_BY(mutex)
  handler of[last_signal] = {};  // GUARDED_BY(mutex)
};
previous_handlers& previous() noexcept {
  static previous_handlers* const all = new previous_handlers;
  return *all;
}

void note(int number) noexcept {
  noted.fetch_or(bit_of(number));
  if (const auto announce = announcer.load()) announce();
  if (const auto call = afterwards.load()) call();
}

// The C library forgets a handler when it calls it.
void on_raise(int number) {
  std::signal(number, &on_raise);
  note(number);
}

int signal_of(DWORD news) noexcept {
  switch (news) {
    case CTRL_C_EVENT:
      return SIGINT;
    case CTRL_BREAK_EVENT:
      return SIGBREAK;
    default:
      return SIGTERM;
  }
}

BOOL WINAPI on_console(DWORD news) {
  const int number = signal_of(news);
  if ((caught.load() & bit_of(number)) == 0) return FALSE;
  note(number);
  // The process is ended when this returns; without that it has the seconds that the system gives.
  if (number == SIGTERM) ::Sleep(INFINITE);
  return TRUE;
}

bool can_be_caught(int number) noexcept {
  return number == SIGINT || number == SIGTERM || number == SIGBREAK;
}

}  // namespace

const int quit_signal = SIGBREAK;

void after_noting(void (*call)() noexcept) noexcept { afterwards.store(call); }

void announce_signals_by(void (*announce)() noexcept) noexcept { announcer.store(announce); }

result<void> catch_signal(int number) noexcept {
  if (!can_be_caught(number)) return std::unexpected(error(std::errc::invalid_argument));
  previous_handlers& before = previous();
  const std::lock_guard guard(before.mutex);
  if ((caught.load() & bit_of(number)) != 0) return {};
  if (!before.listens && ::SetConsoleCtrlHandler(&on_console, TRUE) == 0) {
    return std::unexpected(last_error());
  }
  before.listens = true;
  before.of[number - 1] = std::signal(number, &on_raise);
  caught.fetch_or(bit_of(number));
  return {};
}

int take_signal(std::uint64_t mask) noexcept {
  std::uint64_t now = noted.load();
  while ((now & mask) != 0) {
    const std::uint64_t lowest = (now & mask) & (~(now & mask) + 1);
    // Of several waiters one takes it.
    if (noted.compare_exchange_weak(now, now & ~lowest)) return std::countr_zero(lowest) + 1;
  }
  return 0;
}

// Signals come on threads of their own.
void block_signals() noexcept {}

void restore_signals() noexcept {
  previous_handlers& before = previous();
  const std::lock_guard guard(before.mutex);
  for (int number = 1; number <= last_signal; ++number) {
    if ((caught.load() & bit_of(number)) != 0) std::signal(number, before.of[number - 1]);
  }
  caught.store(0);
  noted.store(0);
}

}  // namespace sluice::os
