// accept_test.cc: waiting for connections: deadlines, closing, connections that were aborted.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "net/accept_loop.h"
#include "net/accept_test.h"
#include "net/listener_access.h"
#include "net/listener_state.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

SLUICE_INSTANTIATE_WITH_PROCESSORS(Accept);

TEST_P(Accept, ADeadlineInThePastFailsAtOnceEvenIfAConnectionWaits) {
  on_fibers([] {
    listener from = listen_tcp();
    const raw_socket client = raw_socket::connect(from.local_address());
    EXPECT_TRUE(from.set_deadline(past()));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(from.accept().error(), errc::deadline_exceeded);
    EXPECT_TRUE(from.set_deadline(deadline::none()));
    EXPECT_TRUE(from.accept()) << "cleared, and the connection is still there";
  });
}

TEST_P(Accept, ADeadlineInTheFutureEndsTheWaitAndNotBefore) {
  on_fibers([] {
    listener from = listen_tcp();
    const auto limit = steady_clock::now() + 20ms;
    EXPECT_TRUE(from.set_deadline(limit));
    EXPECT_EQ(from.accept().error(), errc::deadline_exceeded);
    EXPECT_GE(steady_clock::now(), limit);
  });
}

TEST_P(Accept, ADeadlineSetByAnotherFiberEndsTheWait) {
  on_fibers([] {
    listener from = listen_tcp();
    park_probe probe;
    fiber accepter([&] {
      probe.enter();
      return from.accept();
    });
    probe.await(rt::wait_kind::accept);
    EXPECT_TRUE(from.set_deadline(past()));
    EXPECT_EQ(accepter.join().value().error(), errc::deadline_exceeded);
  });
}

TEST_P(Accept, CloseWakesEveryAccepter) {
  on_fibers([] {
    listener from = listen_tcp();
    std::vector<park_probe> probes(6);
    std::vector<fiber<>> accepters;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      accepters.emplace_back([&, i] {
        probes[i].enter();
        EXPECT_EQ(from.accept().error(), errc::closed);
      });
      probes[i].await(i == 0 ? rt::wait_kind::accept : rt::wait_kind::turn);
    }
    EXPECT_TRUE(from.close());
    for (auto& accepter : accepters) EXPECT_TRUE(accepter.join());
    EXPECT_EQ(from.accept().error(), errc::closed);
    EXPECT_EQ(from.close().error(), errc::closed);
    EXPECT_EQ(from.set_deadline(deadline::none()).error(), errc::closed);
  });
}

TEST_P(Accept, ConnectionsThatWereAbortedArePassedOver) {
  on_fibers([] {
    listener from = listen_tcp();
    listener_state& state = *listener_access::state_of(from);
    int calls = 0;
    const auto taken = accept_loop(
        *state.handle, state.accepting,
        [&calls] { return ++calls < 4 ? os::outcome(-ECONNABORTED) : os::outcome(77); },
        [] { return waited(); });
    EXPECT_EQ(taken.value(), 77);
    EXPECT_EQ(calls, 4);
  });
}

// A client that gave up while it stood in the backlog. Linux hands such a connection out all the
// same, and reading tells.
TEST_P(Accept, AReallyAbortedConnectionDoesNotStopTheNextOne) {
  on_fibers([] {
    listener from = listen_tcp();
    raw_socket::connect(from.local_address()).reset();
    const raw_socket patient = raw_socket::connect(from.local_address());
    patient.send("here");
    auto first = from.accept();
    ASSERT_TRUE(first) << first.error();
    const auto got = first->receive();
    if (!got) {
      EXPECT_EQ(got.error(), std::errc::connection_reset) << got.error();
      first = from.accept();
      ASSERT_TRUE(first) << first.error();
      EXPECT_EQ(read_text(*first, 4), "here");
    } else {
      EXPECT_EQ(got->text(), "here") << "the aborted one was passed over";
    }
  });
}

}  // namespace
}  // namespace sluice::net
