// poller_completion_conformance.h: the suite that every completion backend runs beside
// poller_conformance.h: operation.h, sentence by sentence. A backend is a type with
//   static std::unique_ptr<poller> make();   // nullptr: the system refuses it
//   static constexpr bool sends;             // it can carry out a send that has to wait
//   static constexpr bool ties;              // poller::ties, and these sockets are tied
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "poller/operation.h"
#include "poller/poller_harness.h"

namespace sluice::rt {

template <class Backend>
class poller_completion_suite : public testing::Test {
 protected:
  void SetUp() override {
    if (!harness_.has_poller()) GTEST_SKIP() << "the system refuses this backend";
  }
  void TearDown() override {
    for (const std::string& failure : harness_.failures()) ADD_FAILURE() << failure;
  }

  poller& under_test() { return harness_.under_test(); }

  // Sockets whose operations this poller is to carry out.
  test_socket tied(test_socket socket) {
    if (Backend::ties) {
      EXPECT_TRUE(under_test().add(socket.get(), *desc_));
    }
    return socket;
  }
  socket_pair tied(socket_pair pair) {
    return {tied(std::move(pair.watched)), tied(std::move(pair.peer))};
  }
  test_socket open_stream() {
    return tied(test_socket(os::open_stream(net::address::family::ipv4).handle()));
  }
  socket_pair local_pair() { return tied(make_local_pair()); }
  socket_pair tcp_pair() { return tied(make_tcp_pair()); }

  // Hands over an operation of a use of its own.
  void submit(operation& asked) {
    asked.whom = {desc_->index(), desc_->generation(), ready_to_read};
    ASSERT_TRUE(under_test().submit(asked));
  }

  // Waits until it is done. The report must have come by then, or with the next waits.
  os::outcome finish(operation& asked) {
    const std::int64_t limit = os::monotonic_now() + patience;
    while (!asked.is_done() && os::monotonic_now() < limit) harness_.pump(limit);
    EXPECT_TRUE(asked.is_done()) << "lost";
    return asked.is_done() ? asked.outcome() : os::outcome::no_memory();
  }

  // Whether it stays undone as long as nothing happens.
  bool stays_undone(operation& asked) {
    for (int i = 0; i < 50; ++i) harness_.pump(poll_without_blocking);
    return !asked.is_done();
  }

  poller_harness harness_{Backend::make()};
  poll_desc* desc_ = harness_.table().take().value();
};

TYPED_TEST_SUITE_P(poller_completion_suite);

// A buffer, and the operation on it.
struct reading {
  explicit reading(os::native_handle fd) : asked(operation::kind::receive, fd) {
    asked.data = std::as_writable_bytes(std::span(buffer));
  }
  [[nodiscard]] std::string_view text() const {
    return {buffer.data(), asked.outcome().ok() ? asked.outcome().bytes() : 0};
  }
  std::array<char, 64> buffer{};
  operation asked;
};

TYPED_TEST_P(poller_completion_suite, ItCompletes) {
  EXPECT_TRUE(this->under_test().completes());
  EXPECT_EQ(this->under_test().ties(), TypeParam::ties);
}

TYPED_TEST_P(poller_completion_suite, AReceiveTakesWhatIsThere) {
  for (const socket_pair& pair : {this->local_pair(), this->tcp_pair()}) {
    pair.peer.send("already");
    reading now(pair.watched.get());
    this->submit(now.asked);
    EXPECT_TRUE(this->finish(now.asked).ok());
    EXPECT_EQ(now.text(), "already");
  }
}

TYPED_TEST_P(poller_completion_suite, AReceiveWaitsForWhatComes) {
  for (const socket_pair& pair : {this->local_pair(), this->tcp_pair()}) {
    reading later(pair.watched.get());
    this->submit(later.asked);
    ASSERT_TRUE(this->stays_undone(later.asked));
    pair.peer.send("at last");
    EXPECT_TRUE(this->finish(later.asked).ok());
    EXPECT_EQ(later.text(), "at last");
  }
}

TYPED_TEST_P(poller_completion_suite, AReceiveSeesTheEndAndAReset) {
  {
    const socket_pair pair = this->tcp_pair();
    reading end(pair.watched.get());
    this->submit(end.asked);
    pair.peer.shut_down_writing();
    EXPECT_EQ(this->finish(end.asked).bytes(), 0U);
  }
  socket_pair pair = this->tcp_pair();
  reading broken(pair.watched.get());
  this->submit(broken.asked);
  pair.peer.reset();
  const os::outcome got = this->finish(broken.asked);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.failure(), std::errc::connection_reset);
}

TYPED_TEST_P(poller_completion_suite, AwaitingDataTakesNone) {
  const socket_pair pair = this->tcp_pair();
  operation asked(operation::kind::await_data, pair.watched.get());
  this->submit(asked);
  ASSERT_TRUE(this->stays_undone(asked));
  pair.peer.send("stays");
  EXPECT_TRUE(this->finish(asked).ok());
  EXPECT_EQ(pair.watched.drain(), "stays");
}

TYPED_TEST_P(poller_completion_suite, ASendWaitsForRoom) {
  if (!TypeParam::sends) GTEST_SKIP() << "it says not_supported";
  const socket_pair pair = this->local_pair();
  ASSERT_GT(pair.watched.fill(), 0U);
  std::string text(100, 's');
  operation asked(operation::kind::send, pair.watched.get());
  asked.data = std::as_writable_bytes(std::span(text));
  this->submit(asked);
  ASSERT_TRUE(this->stays_undone(asked));
  // It may be sent as soon as there is room, in the middle of this.
  std::string all = pair.peer.drain();
  const os::outcome sent = this->finish(asked);
  ASSERT_TRUE(sent.ok());
  all += pair.peer.drain();
  EXPECT_EQ(all.substr(all.find('s')), std::string(sent.bytes(), 's'));
}

TYPED_TEST_P(poller_completion_suite, ASendToNobodyIsAnErrorAndNoSignal) {
  if (!TypeParam::sends) GTEST_SKIP() << "it says not_supported";
  socket_pair pair = this->local_pair();
  ASSERT_GT(pair.watched.fill(), 0U);
  std::string text(100, 's');
  operation asked(operation::kind::send, pair.watched.get());
  asked.data = std::as_writable_bytes(std::span(text));
  this->submit(asked);
  pair.peer.close();
  const os::outcome sent = this->finish(asked);
  ASSERT_FALSE(sent.ok());
  EXPECT_TRUE(sent.failure() == std::errc::broken_pipe ||
              sent.failure() == std::errc::connection_reset)
      << sent.failure();
}

TYPED_TEST_P(poller_completion_suite, AnAcceptBringsTheConnectionAndItsPeer) {
  const test_socket listener = this->open_stream();
  ASSERT_TRUE(os::bind(listener.get(), net::address::make_ipv4({127, 0, 0, 1}, 0)).ok());
  ASSERT_TRUE(os::listen(listener.get(), 8).ok());
  const net::address where = os::local_address(listener.get()).value();

  operation accepting(operation::kind::accept, listener.get());
  this->submit(accepting);
  ASSERT_TRUE(this->stays_undone(accepting));
  const test_socket dialing = this->open_stream();
  operation connecting(operation::kind::connect, dialing.get());
  connecting.address = os::encode_address(where);
  this->submit(connecting);
  EXPECT_TRUE(this->finish(connecting).ok());
  const os::outcome taken = this->finish(accepting);
  ASSERT_TRUE(taken.ok());
  const test_socket accepted = this->tied(test_socket(taken.handle()));
  EXPECT_EQ(os::decode_address(accepting.address), os::local_address(dialing.get()).value());
  dialing.send("hello");
  reading first(accepted.get());
  this->submit(first.asked);
  this->finish(first.asked);
  EXPECT_EQ(first.text(), "hello");
}

TYPED_TEST_P(poller_completion_suite, AConnectToNobodyIsRefused) {
  net::address where;
  {
    const test_socket listener = this->open_stream();
    ASSERT_TRUE(os::bind(listener.get(), net::address::make_ipv4({127, 0, 0, 1}, 0)).ok());
    where = os::local_address(listener.get()).value();
  }
  const test_socket dialing = this->open_stream();
  operation asked(operation::kind::connect, dialing.get());
  asked.address = os::encode_address(where);
  this->submit(asked);
  EXPECT_TRUE(this->finish(asked).is_refused());
}

TYPED_TEST_P(poller_completion_suite, ACancelledOneIsReportedOnceAndTakesNothing) {
  const socket_pair pair = this->tcp_pair();
  for (int i = 0; i < 50; ++i) {
    reading asked(pair.watched.get());
    this->submit(asked.asked);
    ASSERT_TRUE(this->under_test().cancel(asked.asked));
    ASSERT_TRUE(this->finish(asked.asked).is_cancelled());
    asked.buffer.fill('-');
    pair.peer.send("untouched");
    for (int k = 0; k < 4; ++k) this->harness_.pump(poll_without_blocking);
    EXPECT_EQ(asked.buffer[0], '-');
    EXPECT_EQ(pair.watched.drain(), "untouched");
  }
}

TYPED_TEST_P(poller_completion_suite, EveryKindCanBeCancelled) {
  const socket_pair pair = this->local_pair();
  ASSERT_GT(pair.watched.fill(), 0U);
  const test_socket listener = this->open_stream();
  ASSERT_TRUE(os::bind(listener.get(), net::address::make_ipv4({127, 0, 0, 1}, 0)).ok());
  ASSERT_TRUE(os::listen(listener.get(), 8).ok());
  char byte = 's';
  if (!TypeParam::sends) {
    operation asked(operation::kind::send, pair.watched.get());
    asked.data = std::as_writable_bytes(std::span(&byte, 1));
    const auto refused = this->under_test().submit(asked);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::not_supported);
    EXPECT_FALSE(asked.is_done());
  }
  for (const auto what : {operation::kind::receive, operation::kind::await_data,
                          operation::kind::send, operation::kind::accept}) {
    if (what == operation::kind::send && !TypeParam::sends) continue;
    operation asked(what, what == operation::kind::accept ? listener.get() : pair.watched.get());
    asked.data = std::as_writable_bytes(std::span(&byte, 1));
    this->submit(asked);
    ASSERT_TRUE(this->stays_undone(asked));
    ASSERT_TRUE(this->under_test().cancel(asked));
    EXPECT_TRUE(this->finish(asked).is_cancelled());
  }
}

// The bytes are either in the buffer of an operation that says so, or still in the socket.
TYPED_TEST_P(poller_completion_suite, ACancelThatRacesWithDataLosesNone) {
  constexpr int rounds = 300;
  const socket_pair pair = this->tcp_pair();
  std::string all;
  for (int i = 0; i < rounds; ++i) {
    reading asked(pair.watched.get());
    this->submit(asked.asked);
    std::thread sender([&] { EXPECT_EQ(pair.peer.send("12345678"), 8U); });
    if (i % 2 == 0) std::this_thread::yield();
    EXPECT_TRUE(this->under_test().cancel(asked.asked));
    const os::outcome got = this->finish(asked.asked);
    sender.join();
    if (got.ok()) {
      all += asked.text();
    } else {
      EXPECT_TRUE(got.is_cancelled());
    }
  }
  // What has not come yet is on its way through the loopback.
  const std::int64_t limit = os::monotonic_now() + patience;
  while (all.size() < rounds * 8 && os::monotonic_now() < limit) all += pair.watched.drain();
  EXPECT_EQ(all.size(), rounds * 8U);
}

TYPED_TEST_P(poller_completion_suite, ACancelAfterTheEndDoesNoHarmToTheNext) {
  const socket_pair pair = this->tcp_pair();
  for (int i = 0; i < 50; ++i) {
    pair.peer.send("x");
    reading asked(pair.watched.get());
    this->submit(asked.asked);
    this->finish(asked.asked);
    EXPECT_TRUE(this->under_test().cancel(asked.asked));
  }
  reading next(pair.watched.get());
  this->submit(next.asked);
  ASSERT_TRUE(this->stays_undone(next.asked));
  pair.peer.send("y");
  this->finish(next.asked);
  EXPECT_EQ(next.text(), "y");
}

TYPED_TEST_P(poller_completion_suite, ManyAtATimeAreAllReported) {
  constexpr std::size_t count = report_list::capacity + 100;
  std::deque<socket_pair> pairs;
  std::deque<reading> asked;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back(this->local_pair());
    asked.emplace_back(pairs.back().watched.get());
    this->submit(asked.back().asked);
  }
  for (const socket_pair& pair : pairs) pair.peer.send("z");
  for (reading& one : asked) {
    this->finish(one.asked);
    EXPECT_EQ(one.text(), "z");
  }
}

// More than the kernel has room to report at once.
TYPED_TEST_P(poller_completion_suite, AFloodThatNobodyTakesIsNotLost) {
  constexpr std::size_t count = 6000;
  const socket_pair pair = this->local_pair();
  pair.peer.send("there");
  std::deque<operation> asked;
  for (std::size_t i = 0; i < count; ++i) {
    this->submit(asked.emplace_back(operation::kind::await_data, pair.watched.get()));
  }
  for (operation& one : asked) EXPECT_TRUE(this->finish(one).ok());
}

TYPED_TEST_P(poller_completion_suite, SeveralThreadsSubmitWhileOneWaits) {
  constexpr int threads = 4;
  constexpr int rounds = 300;
  std::atomic<int> lost{0};
  std::atomic<int> running{threads};
  const auto churn = [&] {
    const socket_pair pair = this->local_pair();
    poll_desc& desc = *this->harness_.table().take().value();
    for (int i = 0; i < rounds; ++i) {
      reading asked(pair.watched.get());
      asked.asked.whom = {desc.index(), desc.generation(), ready_to_read};
      EXPECT_TRUE(this->under_test().submit(asked.asked));
      const bool let_go = i % 3 != 0 || this->under_test().cancel(asked.asked);
      EXPECT_TRUE(let_go);
      pair.peer.send("x");
      const std::int64_t limit = os::monotonic_now() + patience;
      while (!asked.asked.is_done() && os::monotonic_now() < limit) std::this_thread::yield();
      if (!asked.asked.is_done()) {
        ++lost;
        std::abort();  // the kernel still has the buffer
      }
      static_cast<void>(pair.watched.drain());
    }
    --running;
    this->under_test().wake();
  };
  std::vector<std::thread> churning;
  for (int i = 0; i < threads; ++i) churning.emplace_back(churn);
  while (running.load() > 0) {
    report_list reports;
    this->under_test().wait(poll_forever, reports);
    for (const report& item : reports) {
      static_cast<void>(this->harness_.table().at(item.desc).apply(item));
    }
  }
  for (std::thread& one : churning) one.join();
  EXPECT_EQ(lost.load(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(poller_completion_suite, ItCompletes, AReceiveTakesWhatIsThere,
                            AReceiveWaitsForWhatComes, AReceiveSeesTheEndAndAReset,
                            AwaitingDataTakesNone, ASendWaitsForRoom,
                            ASendToNobodyIsAnErrorAndNoSignal,
                            AnAcceptBringsTheConnectionAndItsPeer, AConnectToNobodyIsRefused,
                            ACancelledOneIsReportedOnceAndTakesNothing, EveryKindCanBeCancelled,
                            ACancelThatRacesWithDataLosesNone,
                            ACancelAfterTheEndDoesNoHarmToTheNext, ManyAtATimeAreAllReported,
                            AFloodThatNobodyTakesIsNotLost, SeveralThreadsSubmitWhileOneWaits);

}  // namespace sluice::rt
