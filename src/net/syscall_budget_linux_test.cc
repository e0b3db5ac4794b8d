// syscall_budget_test.cc: how many system calls a message costs, counted. One read and one write
// under load; what the poller adds is shared by all that became ready together.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdio>
#include <vector>

#include "os/socket.h"
#include "os/syscall_count.h"
#include "poller/poller_backends.h"
#include "sched/runtime.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;

#ifndef SLUICE_MIGRATE  // there, every park wakes another processor

struct call_sums {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t others = 0;
};

call_sums sum_of(const os::call_counters& calls) {
  call_sums sums{calls[os::call::read], calls[os::call::write], 0};
  for (std::size_t i = 0; i < static_cast<std::size_t>(os::call::count); ++i) {
    sums.others += calls[static_cast<os::call>(i)];
  }
  sums.others -= sums.reads + sums.writes;
  return sums;
}

// Two where the system does not tell of urgent bytes: a short read may have stopped in front of
// one.
std::uint64_t reads_for_a_message() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const bool short_read_drains = os::describe_socket(fd).value().short_read_drains;
  os::close_handle(fd);
  return short_read_drains ? 1 : 2;
}

// Echoes `rounds` messages on each of `connections`, whose clients all send before any server
// runs, with their own uncounted calls. Returns what the library called, the first round excluded:
// it registers the descriptors.
call_sums echo_in_rounds(std::size_t connections, std::uint64_t rounds) {
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  call_sums first;
  call_sums last;
  run(
      [&] {
        auto from = listen(tcp, "127.0.0.1:0");
        ASSERT_TRUE(from) << from.error();
        std::vector<raw_socket> clients;
        std::vector<fiber<>> servers;
        wait_group answered;
        for (std::size_t i = 0; i < connections; ++i) {
          clients.push_back(raw_socket::connect(from->local_address()));
          servers.emplace_back([&answered, peer = std::move(*from->accept())]() mutable {
            while (auto got = peer.receive()) {
              EXPECT_TRUE(peer.write(*got));
              answered.done();
            }
          });
        }
        for (std::uint64_t round = 0; round <= rounds; ++round) {
          if (round == 1) first = sum_of(calls);
          answered.add(connections);
          for (const raw_socket& client : clients) client.send("a message");
          answered.wait();
          for (const raw_socket& client : clients) EXPECT_EQ(client.receive(9), "a message");
        }
        // All servers wait again.
        last = sum_of(calls);
        clients.clear();
        for (auto& server : servers) EXPECT_TRUE(server.join());
      },
      {.processors = 1, .monitor = false});
  os::active_call_counters.store(nullptr);
  return {last.reads - first.reads, last.writes - first.writes, last.others - first.others};
}

// By the poller of the system, whatever SLUICE_POLLER says.
class SyscallBudget : public ::testing::Test {
 protected:
  void SetUp() override { rt::switched.make_shard = rt::poller_backends().front().make; }
  void TearDown() override { rt::switched = {}; }
};

// What a readiness backend costs: one read and one write, and a share of what brings the news.
void expect_that_a_message_is_one_read_and_one_write() {
  constexpr std::uint64_t messages = 64 * 50;
  const call_sums sums = echo_in_rounds(64, 50);
  EXPECT_EQ(sums.reads, messages * reads_for_a_message());
  EXPECT_EQ(sums.writes, messages);
  EXPECT_LT(sums.others, messages / 5) << "polls and wake-ups are shared";
  std::printf("[ a message ] %.3f reads, %.3f writes, %.3f others\n",
              static_cast<double>(sums.reads) / messages,
              static_cast<double>(sums.writes) / messages,
              static_cast<double>(sums.others) / messages);
}

TEST_F(SyscallBudget, UnderLoadOneReadAndOneWriteForAMessage) {
  expect_that_a_message_is_one_read_and_one_write();
}

// Where the system has none, over the shim, whose own calls are no calls of the library.
TEST_F(SyscallBudget, OverKqueueToo) {
  rt::switched.make_shard = rt::make_poller_kqueue;
  expect_that_a_message_is_one_read_and_one_write();
}

TEST_F(SyscallBudget, ALoneMessageCostsOnePollMore) {
  constexpr std::uint64_t messages = 200;
  const call_sums sums = echo_in_rounds(1, messages);
  EXPECT_EQ(sums.reads, messages * reads_for_a_message());
  EXPECT_EQ(sums.writes, messages);
  // One poll that finds it, and one that looks whether there is more before it sleeps.
  EXPECT_LE(sums.others, 2 * messages);
}

// What waits is one submission more, and no poll asks for it; to sleep is a call.
TEST_F(SyscallBudget, OnARingAMessageCostsASubmissionMore) {
  const rt::poller_backend* const ring = rt::find_poller("io_uring");
  if (ring == nullptr) GTEST_SKIP() << "this system has no io_uring";
  if (const auto made = ring->make(); !made) {
    GTEST_SKIP() << "the system refuses io_uring: " << made.error();
  }
  rt::switched.make_shard = ring->make;
  constexpr std::uint64_t messages = 64 * 50;
  const call_sums sums = echo_in_rounds(64, 50);
  EXPECT_EQ(sums.reads, messages);
  EXPECT_EQ(sums.writes, messages);
  EXPECT_LT(sums.others, messages + messages / 5);
}

// How often connections that each have to wait, for one message, are registered or removed.
std::uint64_t registrations_of_short_connections(std::uint64_t connections, bool shared) {
  os::call_counters calls;
  run(
      [&] {
        auto from = listen(tcp, "127.0.0.1:0");
        ASSERT_TRUE(from) << from.error();
        os::active_call_counters.store(&calls);
        for (std::uint64_t i = 0; i < connections; ++i) {
          const raw_socket client = raw_socket::connect(from->local_address());
          std::uint64_t served = 0;
          fiber server([&, peer = std::move(*from->accept())]() mutable {
            if (shared) {
              EXPECT_GE(peer.native_handle(), 0);
            }
            for (; auto got = peer.receive(); ++served) EXPECT_TRUE(peer.write(*got));
          });
          while (calls[os::call::read] == 3 * i) yield();  // it has found nothing, and waits
          client.send("x");
          while (served == 0) yield();
          client.shutdown_write();
          EXPECT_TRUE(server.join());
        }
      },
      {.processors = 1, .monitor = false});
  os::active_call_counters.store(nullptr);
  return calls[os::call::poll_control];
}

TEST_F(SyscallBudget, AShortConnectionIsRegisteredAndItsCloseDoesTheRest) {
  EXPECT_EQ(registrations_of_short_connections(100, false), 100u);
}

// A duplicate would keep the registration alive.
TEST_F(SyscallBudget, ADescriptorThatSomebodyKnowsIsRemovedToo) {
  EXPECT_EQ(registrations_of_short_connections(100, true), 200u);
}

#endif

}  // namespace
}  // namespace sluice::net
