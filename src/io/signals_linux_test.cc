// signals_linux_test.cc: signals as the system sends them: to the process, to one thread, and what
// an action was before.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "io/signals_test.h"

namespace sluice {
namespace {

TEST_P(Signals, OneSentToTheProcessWakesTheWaiter) {
  on_fibers([] {
    parked_waiter waiter({SIGUSR1});
    ::kill(::getpid(), SIGUSR1);
    EXPECT_EQ(waiter.join().value(), SIGUSR1);
    parked_waiter again({SIGUSR1});
    std::thread([] { ::raise(SIGUSR1); }).join();
    EXPECT_EQ(again.join().value(), SIGUSR1);
  });
}

TEST_P(Signals, WhatNobodyCanCatchIsSaid) {
  on_fibers([] {
    for (const int number : {SIGKILL, SIGSTOP}) {
      EXPECT_EQ(error_of(wait_signal({number})), std::errc::invalid_argument) << number;
      EXPECT_EQ(error_of(keep_signals({number})), std::errc::invalid_argument) << number;
    }
  });
}

// To the calling thread, behind the back of ThreadSanitizer, which makes raise() a blocking call.
void send_to_own_thread(int number) { ::syscall(SYS_tgkill, ::getpid(), ::gettid(), number); }

TEST_P(Signals, OneThatComesAtAFibersLastStepIsNotLostWithIt) {
  on_fibers([] {
    parked_waiter waiter({SIGUSR1});
    go([] { send_to_own_thread(SIGUSR1); });
    EXPECT_EQ(waiter.join().value(), SIGUSR1);
  });
}

TEST_P(Signals, OneThatComesAsAFiberParksDoesNotWaitForIt) {
  on_fibers([] {
    parked_waiter waiter({SIGUSR1});
    fiber sleeper([] {
      const time_point never = time_point::max();
      send_to_own_thread(SIGUSR1);
      (void)sleep_until(never);
    });
    EXPECT_EQ(waiter.join().value(), SIGUSR1);
  });
}

// How many threads of this process would take the signal.
std::size_t threads_that_take(int number) {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string word; status >> word;) {
      if (word != "SigBlk:") continue;
      std::uint64_t blocked = 0;
      status >> std::hex >> blocked;
      if ((blocked >> (number - 1) & 1) == 0) ++count;
      break;
    }
  }
  return count;
}

TEST_P(Signals, OnlyWorkersTakeThem) {
  on_fibers([] {
    // The C library blocks all signals in a thread that is just beginning, and the monitor takes
    // them until its first step: wait until everybody has settled.
    while (stats().monitor_looks == 0) std::this_thread::yield();
    constexpr int most_looks = 100'000;
    std::size_t count = 0;
    for (int i = 0; i < most_looks && count != stats().workers; ++i) {
      std::this_thread::yield();
      count = threads_that_take(SIGUSR1);
    }
    EXPECT_EQ(count, stats().workers);
  });
}

std::atomic<int> seen_by_previous{0};

TEST_P(Signals, TheEndOfTheRunRestoresWhatAnActionDid) {
  struct sigaction own = {};
  own.sa_handler = [](int) { seen_by_previous.fetch_add(1); };
  struct sigaction before = {};
  ASSERT_EQ(::sigaction(SIGUSR1, &own, &before), 0);
  seen_by_previous.store(0);
  on_fibers([] {
    EXPECT_TRUE(keep_signals({SIGUSR1}));
    ::raise(SIGUSR1);
    EXPECT_EQ(seen_by_previous.load(), 0);
  });
  ::raise(SIGUSR1);
  EXPECT_EQ(seen_by_previous.load(), 1);
  on_fibers([] {
    parked_waiter waiter({SIGUSR1});
    waiter.request_stop();
    EXPECT_EQ(error_of(waiter.join()), errc::operation_canceled) << "a signal of the last run";
  });
  ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace sluice
