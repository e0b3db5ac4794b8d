// poller_kqueue_test.cc: on macOS and the BSDs over the system's kqueue, on Linux over the shim of
// tests/support.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/event.h>
#include <unistd.h>

#include "os/socket.h"
#include "os/syscall_count.h"
#include "poller/poller_backends.h"
#include "poller/poller_conformance.h"

namespace sluice::rt {
namespace {

struct kqueue_backend {
  static constexpr bool exact = true;
  static std::unique_ptr<poller> make() { return make_poller_kqueue().value(); }
};

struct kqueue_with_pipe {
  static constexpr bool exact = true;
  static std::unique_ptr<poller> make() { return make_poller_kqueue_with_pipe().value(); }
};

using backends = testing::Types<kqueue_backend, kqueue_with_pipe>;
INSTANTIATE_TYPED_TEST_SUITE_P(Kqueue, poller_wait_suite, backends);
INSTANTIATE_TYPED_TEST_SUITE_P(Kqueue, poller_report_suite, backends);

class PollerKqueueTest : public testing::Test {
 protected:
  void TearDown() override {
    os::active_call_counters.store(nullptr);
    for (const std::string& failure : harness_.failures()) ADD_FAILURE() << failure;
  }
  void count_calls() { os::active_call_counters.store(&calls_); }

  poller_harness harness_{kqueue_backend::make()};
  os::call_counters calls_;
};

TEST_F(PollerKqueueTest, ASignalHandlerMayWake) {
  for (const auto make : {make_poller_kqueue, make_poller_kqueue_with_pipe}) {
    const auto made = make().value();
    expect_that_a_signal_handler_may_wake(*made);
  }
}

TEST_F(PollerKqueueTest, AWakeAndItsWaitAreOneSystemCallEach) {
  count_calls();
  report_list reports;
  for (int i = 0; i < 100; ++i) {
    harness_.under_test().wake();
    harness_.under_test().wait(poll_forever, reports);
  }
  EXPECT_EQ(calls_[os::call::wake], 100u);
  EXPECT_EQ(calls_[os::call::poll_wait], 100u);
  EXPECT_EQ(calls_[os::call::read] + calls_[os::call::other], 0u);
}

// Far more wakes than a pipe has room for, and each one after a wait ends the next.
TEST_F(PollerKqueueTest, AFullPipeWakesAllTheSame) {
  const auto made = make_poller_kqueue_with_pipe().value();
  report_list reports;
  for (int i = 0; i < 3; ++i) {
    for (int wakes = 0; wakes < 100'000; ++wakes) made->wake();
    made->wait(poll_forever, reports);
    made->wake();
    made->wait(poll_forever, reports);
  }
  EXPECT_TRUE(reports.empty());
}

TEST_F(PollerKqueueTest, AnAddIsOneSystemCallForAllItsFilters) {
  const socket_pair pair = make_tcp_pair();
  count_calls();
  const registration in(harness_, pair.watched.get());
  EXPECT_TRUE(in.added());
  EXPECT_EQ(calls_[os::call::poll_control], 1u);
}

TEST_F(PollerKqueueTest, ARemovalGoesWithThePollAndCostsNoCallOfItsOwn) {
  const socket_pair pair = make_tcp_pair();
  count_calls();
  {
    const registration in(harness_, pair.watched.get());
  }
  report_list reports;
  harness_.under_test().wait(poll_without_blocking, reports);
  EXPECT_EQ(calls_[os::call::poll_control], 1u) << "the add";
  EXPECT_EQ(calls_[os::call::poll_wait], 1u);
  // And it is gone: what arrives now is said to nobody.
  pair.peer.send("to nobody");
  harness_.under_test().wait(poll_without_blocking, reports);
  EXPECT_TRUE(reports.empty());
}

// The classic fault: the removal that was put off hits whoever has the number by then.
TEST_F(PollerKqueueTest, ARemovalThatWasPutOffSparesTheNextOneOfThatNumber) {
  for (const bool same_descriptor : {true, false}) {
    socket_pair first = make_tcp_pair();
    const int number = first.watched.get();
    {
      const registration in(harness_, number);
    }
    socket_pair second = make_tcp_pair();
    test_socket replaced(os::no_handle);
    if (!same_descriptor) {
      first.watched.close();
      ASSERT_EQ(::dup2(second.watched.get(), number), number);
      second.watched.close();
      replaced = test_socket(number);
    }
    const registration next(harness_, number);
    ASSERT_TRUE(next.added());
    ASSERT_TRUE(harness_.sees(next.desc(), ready_to_write));
    static_cast<void>(harness_.collect(next.desc()));
    (same_descriptor ? first : second).peer.send("for the next one");
    EXPECT_TRUE(harness_.sees(next.desc(), ready_to_read));
  }
}

// More of them than the poller keeps, some of descriptors that are closed by then.
TEST_F(PollerKqueueTest, ManyRemovalsWithoutAPollLoseNothing) {
  const socket_pair stays = make_tcp_pair();
  const registration kept(harness_, stays.watched.get());
  std::vector<socket_pair> open;
  for (int i = 0; i < 200; ++i) {
    socket_pair pair = make_local_pair();
    {
      const registration in(harness_, pair.watched.get());
    }
    if (i % 2 == 0) open.push_back(std::move(pair));
  }
  for (const socket_pair& pair : open) pair.peer.send("to nobody");
  stays.peer.send("to somebody");
  EXPECT_TRUE(harness_.sees(kept.desc(), ready_to_read));
  static_cast<void>(harness_.collect(kept.desc()));
  stays.peer.send("once more");
  EXPECT_TRUE(harness_.sees(kept.desc(), ready_to_read));
}

// More removals than are noted are made at once, by a call that must take no event.
TEST_F(PollerKqueueTest, RemovalsOfOpenSocketsTakeNoEventAway) {
  const socket_pair stays = make_tcp_pair();
  const registration kept(harness_, stays.watched.get());
  ASSERT_TRUE(harness_.sees(kept.desc(), ready_to_write));
  static_cast<void>(harness_.collect(kept.desc()));
  std::vector<socket_pair> open;
  for (int i = 0; i < 100; ++i) {
    open.push_back(make_local_pair());
    const registration in(harness_, open.back().watched.get());
    if (i == 0) stays.peer.send("to somebody");
  }
  EXPECT_TRUE(harness_.sees(kept.desc(), ready_to_read));
}

TEST_F(PollerKqueueTest, ACloseEndsTheWatchThoughADuplicateIsLeft) {
  ASSERT_TRUE(harness_.under_test().close_ends_watch());
  socket_pair pair = make_local_pair();
  const test_socket duplicate(::dup(pair.watched.get()));
  poll_desc& desc = *harness_.table().take().value();
  ASSERT_TRUE(harness_.under_test().add(pair.watched.get(), desc));
  ASSERT_TRUE(harness_.sees(desc, ready_to_write));
  pair.watched.close();
  pair.peer.send("for the duplicate alone");
  EXPECT_EQ(harness_.collect(desc), 0u);
  harness_.table().give(desc);
}

TEST_F(PollerKqueueTest, TheEndIsToldWithTheDataBeforeItStillThere) {
  const socket_pair pair = make_tcp_pair();
  const registration in(harness_, pair.watched.get());
  pair.peer.send("last words");
  pair.peer.shut_down_writing();
  ASSERT_TRUE(harness_.sees(in.desc(), ready_to_read | ready_exceptional));
  EXPECT_EQ(pair.watched.drain(), "last words");
}

// Each end of a pipe has one filter that works, and that is enough.
TEST_F(PollerKqueueTest, TheEndsOfAPipeAreWatchedInTheirDirections) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  test_socket reader(ends[0]);
  test_socket writer(ends[1]);
  for (const int end : ends) EXPECT_TRUE(os::make_non_blocking(end).ok());
  const registration in(harness_, reader.get());
  const registration out(harness_, writer.get());
  ASSERT_TRUE(in.added()) << in.added().error();
  ASSERT_TRUE(out.added()) << out.added().error();
  EXPECT_TRUE(harness_.sees(out.desc(), ready_to_write));
  ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  EXPECT_TRUE(harness_.sees(in.desc(), ready_to_read));
  reader.close();
  EXPECT_TRUE(harness_.sees(out.desc(), ready_to_write | ready_exceptional));
}

TEST_F(PollerKqueueTest, ToWriteToAPipeThatNobodyReadsIsItsError) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  test_socket(ends[0]).close();
  const test_socket writer(ends[1]);
  const registration out(harness_, writer.get());
  if (out.added()) {
    EXPECT_TRUE(harness_.sees(out.desc(), ready_to_write | ready_exceptional));
  } else {
    EXPECT_EQ(out.added().error(), std::errc::broken_pipe);
  }
}

TEST_F(PollerKqueueTest, AClosedNumberIsTheSystemsError) {
  socket_pair pair = make_local_pair();
  const int number = pair.watched.get();
  pair.watched.close();
  const registration in(harness_, number);
  ASSERT_FALSE(in.added());
  EXPECT_EQ(in.added().error(), std::errc::bad_file_descriptor);
}

#ifdef EVFILT_EXCEPT
// As PollerEpollTest's: the read stops in front of the urgent byte, and the sticky mark tells of
// what lies behind it. Elsewhere there is no short-read shortcut that would need it.
TEST_F(PollerKqueueTest, TheStickyMarkTellsOfTheDataBehindAnUrgentByte) {
  const socket_pair pair = make_tcp_pair();
  pair.peer.send("abc");
  pair.peer.send_urgent('!');
  pair.peer.send("def");
  const registration in(harness_, pair.watched.get());
  ASSERT_TRUE(harness_.sees(in.desc(), ready_to_read | ready_exceptional));
  const std::uint32_t mark = in.desc().exceptional_mark();
  EXPECT_EQ(pair.watched.drain(), "abcdef");
  EXPECT_TRUE(in.desc().exceptional());
  in.desc().clear_exceptional(mark);
  EXPECT_FALSE(in.desc().exceptional());
}
#endif

}  // namespace
}  // namespace sluice::rt
