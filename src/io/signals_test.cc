// signals_test.cc: waiting for signals: none is lost, none goes to two, and run() leaves them as it
// found them. They are raised: the handler has run when raise returns.
#include "io/signals_test.h"

#include <atomic>
#include <thread>
#include <vector>

namespace sluice {
namespace {

SLUICE_INSTANTIATE_WITH_PROCESSORS(Signals);

TEST_P(Signals, OneThatComesWakesTheWaiter) {
  on_fibers([] {
    parked_waiter waiter({SIGINT, SIGTERM});
    ::raise(SIGTERM);
    EXPECT_EQ(waiter.join().value(), SIGTERM);
  });
}

TEST_P(Signals, OneThatIsKeptIsReturnedAtOnceAndOnce) {
  on_fibers([] {
    EXPECT_TRUE(keep_signals({SIGINT, SIGTERM}));
    ::raise(SIGTERM);
    ::raise(SIGINT);
    for (int i = 0; i < 5; ++i) ::raise(SIGINT);
    EXPECT_EQ(wait_signal({SIGINT, SIGTERM}).value(), SIGINT) << "the lowest first";
    EXPECT_EQ(wait_signal({SIGINT, SIGTERM}).value(), SIGTERM);
    parked_waiter nothing_left({SIGINT, SIGTERM});
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
        EXPECT_EQ(wait_signal({SIGINT}).value(), SIGINT);
        got.fetch_add(1);
      });
      probes[i].await(rt::wait_kind::signal);
    }
    for (int taken = 1; taken <= 5; ++taken) {
      ::raise(SIGINT);
      while (got.load() < taken) yield();
      EXPECT_EQ(got.load(), taken);
    }
    for (auto& waiter : waiters) EXPECT_TRUE(waiter.join());
  });
}

TEST_P(Signals, EachWaiterGetsItsOwn) {
  on_fibers([] {
    parked_waiter first({SIGINT});
    parked_waiter second({SIGTERM});
    ::raise(SIGTERM);
    EXPECT_EQ(second.join().value(), SIGTERM);
    ::raise(SIGINT);
    EXPECT_EQ(first.join().value(), SIGINT);
  });
}

TEST_P(Signals, NoneIsLostBetweenTwoWaits) {
  const std::int64_t count = scaled(300);
  on_fibers([count] {
    EXPECT_TRUE(keep_signals({SIGINT}));
    std::atomic<std::int64_t> taken{0};
    std::thread sender([&] {
      // The next one only after the last was taken: none merges, so each must be seen.
      for (std::int64_t i = 0; i < count; ++i) {
        ::raise(SIGINT);
        while (taken.load() == i) std::this_thread::yield();
      }
    });
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(wait_signal({SIGINT}).value(), SIGINT);
      taken.store(i + 1);
    }
    sender.join();
  });
}

TEST_P(Signals, ARequestToStopEndsTheWait) {
  on_fibers([] {
    parked_waiter waiter({SIGINT});
    waiter.request_stop();
    EXPECT_EQ(error_of(waiter.join()), errc::operation_canceled);
    ::raise(SIGINT);
    EXPECT_EQ(wait_signal({SIGINT}).value(), SIGINT) << "still kept for the next one";
  });
}

TEST_P(Signals, WhatCannotBeWaitedForIsSaid) {
  on_fibers([] {
    for (const int number : {0, -1, 65}) {
      EXPECT_EQ(error_of(wait_signal({number})), std::errc::invalid_argument) << number;
      EXPECT_EQ(error_of(keep_signals({number})), std::errc::invalid_argument) << number;
    }
    EXPECT_EQ(error_of(wait_signal({})), std::errc::invalid_argument) << "it would never return";
  });
  EXPECT_EQ(error_of(wait_signal({SIGINT})), errc::not_a_fiber);
  EXPECT_EQ(error_of(keep_signals({SIGINT})), errc::not_a_fiber);
}

std::atomic<int> seen_by_previous{0};

TEST_P(Signals, TheEndOfTheRunRestoresWhatTheyDid) {
  // Raised once here: some C libraries forget a handler when they call it.
  const auto before = std::signal(SIGTERM, [](int) { seen_by_previous.fetch_add(1); });
  seen_by_previous.store(0);
  on_fibers([] {
    EXPECT_TRUE(keep_signals({SIGTERM}));
    ::raise(SIGTERM);
    EXPECT_EQ(seen_by_previous.load(), 0);
  });
  ::raise(SIGTERM);
  EXPECT_EQ(seen_by_previous.load(), 1);
  on_fibers([] {
    parked_waiter waiter({SIGTERM});
    waiter.request_stop();
    EXPECT_EQ(error_of(waiter.join()), errc::operation_canceled) << "a signal of the last run";
  });
  std::signal(SIGTERM, before);
}

}  // namespace
}  // namespace sluice
