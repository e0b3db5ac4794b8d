// poller_conformance.h: the suite that every backend runs. Its tests are the contract in poller.h,
// sentence by sentence.
//
// A backend is a type with
//   static std::unique_ptr<poller> make();   // nullptr: the system refuses it
//   static constexpr bool exact;   // it says nothing but the truth: no report without an edge
// poller_wait_suite asks for waiting and waking only, so the fake runs it too; poller_report_suite
// is about descriptors. Instantiated by x_test.cc of each backend.
//
// The contract lets a report be spurious, late, doubled or merged, so only `exact` backends are
// asked for silence; all others for what may never be missing.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "os/clock.h"
#include "poller/poller_harness.h"
#include "testing/semaphore.h"

namespace sluice::rt {

// Waiting and waking.

template <class Backend>
class poller_wait_suite : public testing::Test {
 protected:
  void SetUp() override {
    if (poller_ == nullptr) GTEST_SKIP() << "the system refuses this backend";
  }
  static constexpr std::int64_t millisecond = 1'000'000;

  void wait(std::int64_t until) {
    reports_.clear();
    poller_->wait(until, reports_);
  }
  // Waits, as long as it takes, until the clock has passed `deadline`.
  void wait_quietly(std::int64_t deadline) {
    wait(deadline);
    EXPECT_TRUE(reports_.empty());
    EXPECT_GE(os::monotonic_now(), deadline) << "nothing happened, and yet it returned early";
  }

  std::unique_ptr<poller> poller_ = Backend::make();
  report_list reports_;
};

TYPED_TEST_SUITE_P(poller_wait_suite);

TYPED_TEST_P(poller_wait_suite, AWaitUntilNowOrThePastReturns) {
  for (const std::int64_t until : {poll_without_blocking, std::int64_t{-1}, std::int64_t{1},
                                   std::numeric_limits<std::int64_t>::min(), os::monotonic_now()}) {
    this->wait(until);
    EXPECT_TRUE(this->reports_.empty());
  }
}

TYPED_TEST_P(poller_wait_suite, AWaitUntilTheFutureReturnsNotBefore) {
  for (const std::int64_t ahead : {std::int64_t{1'000}, this->millisecond, 5 * this->millisecond}) {
    this->wait_quietly(os::monotonic_now() + ahead);
  }
}

TYPED_TEST_P(poller_wait_suite, AWakeBeforeTheWaitEndsIt) {
  for (int i = 0; i < 50; ++i) {
    this->poller_->wake();
    this->wait(poll_forever);
    this->poller_->wake();
    this->wait(os::monotonic_now() + patience);
  }
}

TYPED_TEST_P(poller_wait_suite, WakesMerge) {
  for (int i = 0; i < 1'000; ++i) this->poller_->wake();
  this->wait(poll_forever);
  this->wait_quietly(os::monotonic_now() + this->millisecond);
  this->poller_->wake();
  this->wait(poll_forever);
}

// Every wait has one wake, which comes before it, while it goes to sleep, or while it sleeps.
TYPED_TEST_P(poller_wait_suite, AWakeFromAnotherThreadEndsTheWait) {
  constexpr int rounds = 2'000;
  semaphore asked;
  std::thread waker([&] {
    for (int done = 0; done < rounds; ++done) {
      asked.acquire();
      this->poller_->wake();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    asked.release();
    this->wait(poll_forever);
  }
  waker.join();
}

// For backends of a system; a fake's wake takes a lock.
inline void expect_that_a_signal_handler_may_wake(poller& under_test) {
  static poller* woken_by_signal = nullptr;
  woken_by_signal = &under_test;
  const auto before = std::signal(SIGTERM, [](int) { woken_by_signal->wake(); });
  std::raise(SIGTERM);
  report_list reports;
  under_test.wait(poll_forever, reports);
  EXPECT_TRUE(reports.empty());
  std::signal(SIGTERM, before);
}

REGISTER_TYPED_TEST_SUITE_P(poller_wait_suite, AWaitUntilNowOrThePastReturns,
                            AWaitUntilTheFutureReturnsNotBefore, AWakeBeforeTheWaitEndsIt,
                            WakesMerge, AWakeFromAnotherThreadEndsTheWait);

// Reports.

template <class Backend>
class poller_report_suite : public testing::Test {
 protected:
  static constexpr bool exact = Backend::exact;
  static constexpr unsigned both = ready_to_read | ready_to_write;

  void SetUp() override {
    if (!harness_.has_poller()) GTEST_SKIP() << "the system refuses this backend";
  }
  void TearDown() override {
    for (const std::string& failure : harness_.failures()) ADD_FAILURE() << failure;
  }
  registration watch(const test_socket& socket) {
    registration made(harness_, socket.get());
    EXPECT_TRUE(made.added());
    return made;
  }
  // Expects that nothing is said of `desc`, if the backend can be held to that.
  void expect_silence(poll_desc& desc) {
    const unsigned said = harness_.collect(desc);
    if (exact) {
      EXPECT_EQ(said, 0u);
    }
  }

  poller_harness harness_{Backend::make()};
};

TYPED_TEST_SUITE_P(poller_report_suite);

TYPED_TEST_P(poller_report_suite, WhatIsReadyBeforeTheAddIsReported) {
  const socket_pair pair = make_local_pair();
  pair.peer.send("before");
  const registration in = this->watch(pair.watched);
  EXPECT_TRUE(this->harness_.sees(in.desc(), this->both));
}

TYPED_TEST_P(poller_report_suite, DataAfterTheAddIsReported) {
  for (const socket_pair& pair : {make_local_pair(), make_tcp_pair()}) {
    const registration in = this->watch(pair.watched);
    ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write));
    this->expect_silence(in.desc());
    pair.peer.send("after");
    EXPECT_TRUE(this->harness_.sees(in.desc(), ready_to_read));
  }
}

TYPED_TEST_P(poller_report_suite, RoomToWriteIsReportedWhenThePeerHasRead) {
  const socket_pair pair = make_local_pair();
  const registration in = this->watch(pair.watched);
  for (int i = 0; i < 20; ++i) {
    ASSERT_GT(pair.watched.fill(), 0u);
    this->expect_silence(in.desc());
    ASSERT_FALSE(pair.peer.drain().empty());
    ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write)) << "round " << i;
  }
}

TYPED_TEST_P(poller_report_suite, BothEndsOfAConnectionAreReportedForThemselves) {
  const socket_pair pair = make_tcp_pair();
  const registration left = this->watch(pair.watched);
  const registration right = this->watch(pair.peer);
  for (int i = 0; i < 20; ++i) {
    pair.watched.send("to the right");
    ASSERT_TRUE(this->harness_.sees(right.desc(), ready_to_read));
    EXPECT_EQ(pair.peer.drain(), "to the right");
    pair.peer.send("to the left");
    ASSERT_TRUE(this->harness_.sees(left.desc(), ready_to_read));
    EXPECT_EQ(pair.watched.drain(), "to the left");
  }
}

TYPED_TEST_P(poller_report_suite, EachArrivalIsAnEdgeThoughNobodyReads) {
  const socket_pair pair = make_local_pair();
  const registration in = this->watch(pair.watched);
  ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write));
  for (int i = 0; i < 20; ++i) {
    pair.peer.send("more");
    ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_read)) << "round " << i;
    this->expect_silence(in.desc());
  }
}

TYPED_TEST_P(poller_report_suite, TheEndOfTheStreamIsExceptional) {
  for (const socket_pair& pair : {make_local_pair(), make_tcp_pair()}) {
    const registration in = this->watch(pair.watched);
    ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write));
    pair.peer.send("last words");
    pair.peer.shut_down_writing();
    EXPECT_TRUE(this->harness_.sees(in.desc(), ready_to_read | ready_exceptional));
    EXPECT_TRUE(in.desc().exceptional());
  }
}

TYPED_TEST_P(poller_report_suite, AHangUpConcernsBothDirections) {
  for (socket_pair& pair : std::array{make_local_pair(), make_tcp_pair()}) {
    const registration in = this->watch(pair.watched);
    pair.watched.fill();
    this->harness_.collect(in.desc());
    pair.peer.reset();
    EXPECT_TRUE(this->harness_.sees(in.desc(), this->both | ready_exceptional));
  }
}

TYPED_TEST_P(poller_report_suite, AnUrgentByteIsExceptional) {
  const socket_pair pair = make_tcp_pair();
  const registration in = this->watch(pair.watched);
  ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write));
  pair.peer.send("abc");
  ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_read));
  pair.peer.send_urgent('!');
  EXPECT_TRUE(this->harness_.sees(in.desc(), ready_to_read | ready_exceptional));
  EXPECT_TRUE(in.desc().exceptional());
}

TYPED_TEST_P(poller_report_suite, PlainDataIsNotExceptional) {
  if (!this->exact) GTEST_SKIP() << "a spurious report may say so";
  const socket_pair pair = make_tcp_pair();
  const registration in = this->watch(pair.watched);
  pair.peer.send("plain");
  ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_read));
  EXPECT_FALSE(in.desc().exceptional());
}

TYPED_TEST_P(poller_report_suite, AfterRemoveTheNextUseHearsNothing) {
  const socket_pair pair = make_local_pair();
  std::uint32_t index = 0;
  {
    const registration in = this->watch(pair.watched);
    ASSERT_TRUE(this->harness_.sees(in.desc(), ready_to_write));
    index = in.desc().index();
    pair.peer.send("on its way while it is removed");
  }
  poll_desc& next = *this->harness_.table().take().value();
  ASSERT_EQ(next.index(), index) << "the test needs the same memory";
  pair.peer.send("after the removal");
  EXPECT_EQ(this->harness_.collect(next), 0u);
  this->harness_.table().give(next);
}

TYPED_TEST_P(poller_report_suite, WhatWasRemovedCanBeAddedAgain) {
  const socket_pair pair = make_local_pair();
  for (int i = 0; i < 50; ++i) {
    const registration in = this->watch(pair.watched);
    pair.peer.send("once more");
    ASSERT_TRUE(this->harness_.sees(in.desc(), this->both));
  }
}

TYPED_TEST_P(poller_report_suite, APlainFileCannotBePolled) {
  const test_socket file = make_plain_file();
  const registration in(this->harness_, file.get());
  ASSERT_FALSE(in.added());
  EXPECT_EQ(in.added().error(), std::errc::operation_not_permitted);
}

TYPED_TEST_P(poller_report_suite, MoreThanAListHoldsIsReportedAllTheSame) {
  constexpr std::size_t pairs = report_list::capacity / 2 + 20;
  std::vector<socket_pair> sockets;
  std::vector<registration> watched;
  for (std::size_t i = 0; i < pairs; ++i) {
    const socket_pair& pair = sockets.emplace_back(make_local_pair());
    pair.peer.send("x");
    pair.watched.send("y");
    watched.push_back(this->watch(pair.watched));
    watched.push_back(this->watch(pair.peer));
  }
  ASSERT_GT(watched.size(), report_list::capacity);
  for (const registration& one : watched) ASSERT_TRUE(this->harness_.sees(one.desc(), this->both));
}

TYPED_TEST_P(poller_report_suite, AWaitFillsWhatRoomThereIs) {
  const socket_pair pair = make_local_pair();
  const registration left = this->watch(pair.watched);
  const registration right = this->watch(pair.peer);
  report_list nearly_full;
  while (nearly_full.size() + 1 < report_list::capacity) nearly_full.push({});
  poller& under_test = this->harness_.under_test();
  const std::int64_t limit = os::monotonic_now() + patience;
  while (!nearly_full.full() && os::monotonic_now() < limit) under_test.wait(limit, nearly_full);
  ASSERT_TRUE(nearly_full.full());
  under_test.wait(poll_forever, nearly_full);  // no room: returns
  const report first = nearly_full[report_list::capacity - 1];
  poll_desc& other = first.desc == left.desc().index() ? right.desc() : left.desc();
  EXPECT_TRUE(this->harness_.sees(other, ready_to_write));
}

// Four threads open, register, wait for data, remove and close, while this one waits.
TYPED_TEST_P(poller_report_suite, ThreadsAddAndRemoveWhileOneWaits) {
  constexpr int threads = 4;
  constexpr int rounds = 200;
  std::atomic<int> lost{0};
  std::atomic<int> running{threads};
  const auto churn = [&] {
    for (int i = 0; i < rounds; ++i) {
      const socket_pair pair = make_local_pair();
      const registration in = this->watch(pair.watched);
      pair.peer.send("x");
      const std::int64_t limit = os::monotonic_now() + patience;
      wait_slot& slot = in.desc().slot(direction::read);
      while (!slot.take_token(in.desc().generation()) && os::monotonic_now() < limit) {
        std::this_thread::yield();
      }
      if (os::monotonic_now() >= limit) ++lost;
    }
    --running;
    this->harness_.under_test().wake();
  };
  std::vector<std::thread> churning;
  for (int i = 0; i < threads; ++i) churning.emplace_back(churn);
  while (running.load() > 0) {
    report_list reports;
    this->harness_.under_test().wait(poll_forever, reports);
    for (const report& item : reports) {
      static_cast<void>(this->harness_.table().at(item.desc).apply(item));
    }
  }
  for (std::thread& one : churning) one.join();
  EXPECT_EQ(lost.load(), 0);
}

// The core of the check that reports of an earlier use are dropped, so that it can be run with the
// check compiled out too: uses the same memory again and again, each time with sockets that have
// something to say and are closed before they have been listened to. Returns what went wrong.
template <class Delivery>
std::vector<std::string> use_memory_again(poller_harness& harness, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    socket_pair pair = make_tcp_pair();
    const registration in(harness, pair.watched.get());
    // A waiter on each side, which a late report must leave alone.
    for (const direction side : {direction::read, direction::write}) {
      static_cast<void>(in.desc().slot(side).arm(in.desc().generation(), {1, 1}));
    }
    if (i % 2 == 0) pair.peer.send("x");
    if (i % 3 == 0) pair.peer.reset();
    harness.pump<Delivery>(poll_without_blocking);
    for (const direction side : {direction::read, direction::write}) {
      in.desc().slot(side).leave(in.desc().generation(), 1);
    }
  }
  return harness.failures();
}

TYPED_TEST_P(poller_report_suite, ReportsOfAnEarlierUseAreDropped) {
  EXPECT_TRUE(use_memory_again<checked_delivery>(this->harness_, 200).empty());
}

REGISTER_TYPED_TEST_SUITE_P(poller_report_suite, WhatIsReadyBeforeTheAddIsReported,
                            DataAfterTheAddIsReported, RoomToWriteIsReportedWhenThePeerHasRead,
                            BothEndsOfAConnectionAreReportedForThemselves,
                            EachArrivalIsAnEdgeThoughNobodyReads, TheEndOfTheStreamIsExceptional,
                            AHangUpConcernsBothDirections, AnUrgentByteIsExceptional,
                            PlainDataIsNotExceptional, AfterRemoveTheNextUseHearsNothing,
                            WhatWasRemovedCanBeAddedAgain, APlainFileCannotBePolled,
                            MoreThanAListHoldsIsReportedAllTheSame, AWaitFillsWhatRoomThereIs,
                            ThreadsAddAndRemoveWhileOneWaits, ReportsOfAnEarlierUseAreDropped);

}  // namespace sluice::rt
