// accept_test.cc: waiting for connections: deadlines, closing, connections that were aborted, and
// no descriptor left.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "net/accept_loop.h"
#include "net/listener_access.h"
#include "net/listener_state.h"
#include "os/syscall_count.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;
using std::chrono::steady_clock;

class Accept : public net_fixture {
 protected:
  static deadline past() { return steady_clock::now() - 1s; }

  static listener listen_tcp() {
    auto made = listen(tcp, "127.0.0.1:0");
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }
};
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

// While an accepter waits for a descriptor, all that ends an accept ends it: nobody closes a
// descriptor.
template <class End>
error end_during_back_off(listener& from, End&& end) {
  const raw_socket client = raw_socket::connect(from.local_address());
  const no_more_descriptors until_it_ended;
  park_probe probe;
  fiber accepter([&] {
    probe.enter();
    return from.accept();
  });
  while (from.times_exhausted() < 4) yield();
  probe.await(rt::wait_kind::accept);
  end(accepter);
  return error_of(accepter.join().value());
}

TEST_P(Accept, WithoutADescriptorARequestToStopEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [](auto& accepter) { accepter.request_stop(); }),
              errc::operation_canceled);
    EXPECT_TRUE(from.accept()) << "the connection is still there";
  });
}

TEST_P(Accept, WithoutADescriptorADeadlineEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [&](auto&) { EXPECT_TRUE(from.set_deadline(past())); }),
              errc::deadline_exceeded);
    EXPECT_TRUE(from.set_deadline(deadline::none()));
    EXPECT_TRUE(from.accept()) << "the connection is still there";
  });
}

TEST_P(Accept, WithoutADescriptorCloseEndsIt) {
  on_fibers([] {
    listener from = listen_tcp();
    EXPECT_EQ(end_during_back_off(from, [&](auto&) { EXPECT_TRUE(from.close()); }), errc::closed);
  });
}

TEST_P(Accept, WithoutADescriptorItWaitsUntilOneIsClosed) {
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  ::testing::internal::CaptureStderr();
  std::uint64_t exhausted = 0;
  on_fibers([&exhausted] {
    connected victim = tcp_pair();
    listener from = listen_tcp();
    const raw_socket client = raw_socket::connect(from.local_address());
    const no_more_descriptors until_the_end;
    const auto begin = steady_clock::now();
    fiber accepter([&] { return from.accept(); });
    while (from.times_exhausted() < 3) yield();
    // n failures have n - 1 whole back-offs between them: 5 ms, 10 ms, 20 ms, ...
    const auto failures = std::min<std::uint64_t>(from.times_exhausted(), 7);
    EXPECT_GE(steady_clock::now() - begin, 5ms * ((1 << (failures - 1)) - 1)) << "it spins";
    EXPECT_TRUE(victim.client.close());
    EXPECT_TRUE(accepter.join().value());
    exhausted = from.times_exhausted();
  });
  os::active_call_counters.store(nullptr);
  const std::string log = ::testing::internal::GetCapturedStderr();
  // One call for each back-off, one that took the connection, and at most two for the pair.
  EXPECT_LE(calls[os::call::accept], exhausted + 3) << "not every failure was counted";
  const auto first = log.find("sluice: accept tcp ");
  EXPECT_NE(first, log.npos) << log;
  EXPECT_EQ(log.find("sluice: accept", first + 1), log.npos) << "said more than once: " << log;
}

}  // namespace
}  // namespace sluice::net
