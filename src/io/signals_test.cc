// signals_test.cc: waiting for signals: none is lost, none goes to two, and run() leaves them as it
// found them. Most are raised: the handler has run when raise returns.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "sluice/signal.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"

namespace sluice {
namespace {

using namespace testing;

class Signals : public net_fixture {
 protected:
  void SetUp() override {
    // The event is the process's and stays open; it must not count as a leak.
    on_fibers([] { EXPECT_TRUE(keep_signals({SIGUSR1})); });
    net_fixture::SetUp();
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Signals);

// A fiber that waits for `numbers`, parked by the time the constructor returns.
class parked_waiter {
 public:
  explicit parked_waiter(std::initializer_list<int> numbers)
      : fiber_([this, numbers = std::vector<int>(numbers)] {
          probe_.enter();
          return numbers.size() == 1 ? wait_signal({numbers[0]})
                                     : wait_signal({numbers[0], numbers[1]});
        }) {
    probe_.await(rt::wait_kind::signal);
  }
  result<int> join() { return fiber_.join().value(); }
  void request_stop() { fiber_.request_stop(); }

 private:
  park_probe probe_;
  fiber<result<int>> fiber_;
};

TEST_P(Signals, OneThatComesWakesTheWaiter) {
  on_fibers([] {
    parked_waiter waiter({SIGUSR1, SIGUSR2});
    ::raise(SIGUSR2);
    EXPECT_EQ(waiter.join().value(), SIGUSR2);
  });
}

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

TEST_P(Signals, OneThatIsKeptIsReturnedAtOnceAndOnce) {
  on_fibers([] {
    EXPECT_TRUE(keep_signals({SIGUSR1, SIGUSR2}));
    ::raise(SIGUSR2);
    ::raise(SIGUSR1);
    for (int i = 0; i < 5; ++i) ::raise(SIGUSR1);
    EXPECT_EQ(wait_signal({SIGUSR1, SIGUSR2}).value(), SIGUSR1) << "the lowest first";
    EXPECT_EQ(wait_signal({SIGUSR1, SIGUSR2}).value(), SIGUSR2);
    parked_waiter nothing_left({SIGUSR1, SIGUSR2});
    nothing_left.request_stop();
    EXPECT_EQ(error_of(nothing_left.join()), errc::operation_canceled) << "several merge";
  });
}

TEST_P(Signals, OfSeveralWaitersOneGetsIt) {
  on_fibers([] {
    std::atomic<int> got{0};
    std::vector<park_probe> probes(5);
    std::vector<fiber<>> waiters;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      waiters.emplace_back([&, i] {
        probes[i].enter();
        EXPECT_EQ(wait_signal({SIGUSR1}).value(), SIGUSR1);
        got.fetch_add(1);
      });
      probes[i].await(rt::wait_kind::signal);
    }
    for (int taken = 1; taken <= 5; ++taken) {
      ::raise(SIGUSR1);
      while (got.load() < taken) yield();
      EXPECT_EQ(got.load(), taken);
    }
    for (auto& waiter : waiters) EXPECT_TRUE(waiter.join());
  });
}

TEST_P(Signals, EachWaiterGetsItsOwn) {
  on_fibers([] {
    parked_waiter first({SIGUSR1});
    parked_waiter second({SIGUSR2});
    ::raise(SIGUSR2);
    EXPECT_EQ(second.join().value(), SIGUSR2);
    ::raise(SIGUSR1);
    EXPECT_EQ(first.join().value(), SIGUSR1);
  });
}

TEST_P(Signals, NoneIsLostBetweenTwoWaits) {
  const std::int64_t count = scaled(300);
  on_fibers([count] {
    EXPECT_TRUE(keep_signals({SIGUSR1}));
    std::atomic<std::int64_t> taken{0};
    std::thread sender([&] {
      // The next one only after the last was taken: none merges, so each must be seen.
      for (std::int64_t i = 0; i < count; ++i) {
        ::raise(SIGUSR1);
        while (taken.load() == i) std::this_thread::yield();
      }
    });
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(wait_signal({SIGUSR1}).value(), SIGUSR1);
      taken.store(i + 1);
    }
    sender.join();
  });
}

TEST_P(Signals, ARequestToStopEndsTheWait) {
  on_fibers([] {
    parked_waiter waiter({SIGUSR1});
    waiter.request_stop();
    EXPECT_EQ(error_of(waiter.join()), errc::operation_canceled);
    ::raise(SIGUSR1);
    EXPECT_EQ(wait_signal({SIGUSR1}).value(), SIGUSR1) << "still kept for the next one";
  });
}

TEST_P(Signals, WhatCannotBeWaitedForIsSaid) {
  on_fibers([] {
    for (const int number : {0, -1, 65, SIGKILL, SIGSTOP}) {
      EXPECT_EQ(error_of(wait_signal({number})), std::errc::invalid_argument) << number;
      EXPECT_EQ(error_of(keep_signals({number})), std::errc::invalid_argument) << number;
    }
    EXPECT_EQ(error_of(wait_signal({})), std::errc::invalid_argument) << "it would never return";
  });
  EXPECT_EQ(error_of(wait_signal({SIGUSR1})), errc::not_a_fiber);
  EXPECT_EQ(error_of(keep_signals({SIGUSR1})), errc::not_a_fiber);
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

TEST_P(Signals, TheEndOfTheRunRestoresWhatTheyDid) {
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
