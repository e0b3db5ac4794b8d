// liveness_test.cc: what the scheduler promises, with sockets: nobody is starved by a busy fiber or
// a busy connection, idle connections cost nothing, a run leaves nothing behind. With a rule
// switched off the same is not true, so that the tests can fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fiber/sanitizer.h"
#include "poller/poller_backends.h"
#include "sched/runtime.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;

class Liveness : public ::testing::Test {
 protected:
  void TearDown() override { rt::switched = {}; }
};

void echo(stream& peer) {
  while (auto got = peer.receive()) {
    if (!peer.write(*got)) return;
  }
}

// How often the worker goes to sleep in round trips to a plain thread.
constexpr int round_trips = 50;

std::uint64_t sleeps_in_round_trips(std::chrono::nanoseconds spin) {
  std::uint64_t sleeps = 0;
  run(
      [&] {
        auto listener = listen(tcp, "127.0.0.1:0").value();
        std::thread peer([where = listener.local_address()] {
          const raw_socket connection = raw_socket::connect(where);
          for (int i = 0; i < round_trips; ++i) connection.send(connection.receive(1));
        });
        auto connection = listener.accept().value();
        const std::uint64_t before = stats().sleeps;
        for (int i = 0; i < round_trips; ++i) {
          EXPECT_TRUE(connection.write("x"));
          EXPECT_TRUE(connection.receive());
        }
        sleeps = stats().sleeps - before;
        peer.join();
      },
      {.processors = 1, .spin = spin, .monitor = false});
  return sleeps;
}

TEST_F(Liveness, AWorkerThatSpinsIsAwakeWhenTheAnswerComes) {
  EXPECT_LT(sleeps_in_round_trips(1s), round_trips / 2);
}

TEST_F(Liveness, AWorkerThatDoesNotSpinSleepsForEachAnswer) {
  EXPECT_GE(sleeps_in_round_trips(0s), round_trips / 2);
}

#ifndef SLUICE_MIGRATE  // there, every park goes through another processor's inbox

// How many steps others take beside a fiber whose reads never have to wait.
int steps_beside_a_full_connection() {
  constexpr std::size_t bytes = 10'000;
  int steps = 0;
  run(
      [&] {
        connected pair = any_pair();
        EXPECT_TRUE(pair.client.write(std::string(bytes, 'x')));
        std::atomic<bool> over{false};
        fiber other([&] {
          for (; !over.load(); yield()) ++steps;
        });
        std::byte one[1];
        for (std::size_t i = 0; i < bytes; ++i) EXPECT_EQ(pair.server.read(one).value(), 1U);
        over.store(true);
        EXPECT_TRUE(other.join());
      },
      {.processors = 1, .monitor = false});
  return steps;
}

// Connections that are always ready: each fiber sends itself the next byte when it has one. Returns
// how often the luckiest was served when the unluckiest had been served `turns` times.
int most_turns_of_busy_connections(int turns) {
  constexpr std::size_t count = 700;  // several times what one poll brings
  int most = 0;
  run(
      [&] {
        auto listener = listen(tcp, "127.0.0.1:0").value();
        std::vector<connected> pairs;
        for (std::size_t i = 0; i < count; ++i) pairs.push_back(connect_through(listener, tcp));
        std::vector<int> served(count, 0);
        wait_group ended;
        ended.add(count);
        std::size_t satisfied = 0;
        for (std::size_t i = 0; i < count; ++i) {
          go([&, i] {
            std::byte more[2];
            EXPECT_TRUE(pairs[i].client.write("x"));
            // An odd one out may be served without end, if the rule is broken.
            while (satisfied != count && pairs[i].server.read(more)) {
              if (++served[i] == turns) ++satisfied;
              if (satisfied == count) most = *std::ranges::max_element(served);
              EXPECT_TRUE(pairs[i].client.write("x"));
            }
            ended.done();
          });
        }
        ended.wait();
      },
      {.processors = 1, .monitor = false});
  return most;
}

TEST_F(Liveness, BusyConnectionsAreServedInTurns) {
  constexpr int turns = 50;
  EXPECT_LE(most_turns_of_busy_connections(turns), turns + turns / 8);
}

TEST_F(Liveness, WithoutRoomForWhatAPollBringsSomeWaitForMany) {
  rt::switched.no_room_for_polls = true;
  constexpr int turns = 50;
  EXPECT_GT(most_turns_of_busy_connections(turns), turns + turns / 8);
}

TEST_F(Liveness, AConnectionWhoseDataNeverEndsLeavesTurnsToOthers) {
  EXPECT_GT(steps_beside_a_full_connection(), 100);
}

TEST_F(Liveness, WithoutTheFairShareItKeepsTheProcessor) {
  rt::switched.no_fair_share = true;
  EXPECT_EQ(steps_beside_a_full_connection(), 0);
}

// Ten round trips beside a fiber that only yields, so often at most: a busy system takes its time
// to bring what was sent.
bool round_trips_complete_beside_a_yielder(int yields) {
  bool completed = false;
  run(
      [&] {
        connected pair = tcp_pair();
        std::atomic<bool> done{false};
        fiber server([&] { echo(pair.server); });
        fiber client([&] {
          for (int i = 0; i < 10; ++i) {
            if (!pair.client.write("x") || !pair.client.receive()) return;
          }
          done.store(true);
        });
        for (int i = 0; i < yields && !done.load(); ++i) yield();
        completed = done.load();
        EXPECT_TRUE(pair.client.close());
        EXPECT_TRUE(server.join());
        EXPECT_TRUE(client.join());
      },
      {.processors = 1, .monitor = false});
  return completed;
}

TEST_F(Liveness, AYieldingFiberDoesNotHoldUpConnections) {
  EXPECT_TRUE(round_trips_complete_beside_a_yielder(500'000'000));
}

TEST_F(Liveness, WithoutThePeriodicLookItHoldsThemUp) {
  rt::switched.no_periodic_look = true;
  EXPECT_FALSE(round_trips_complete_beside_a_yielder(300'000));
}

// Connections whose servers have all registered with one processor's shard.
class served_connections {
 public:
  static constexpr std::size_t count = 50;

  // To be called while the other processor is held: every fiber then runs on the caller's.
  served_connections() {
    auto from = listen(tcp, "127.0.0.1:0");
    EXPECT_TRUE(from) << from.error();
    std::vector<park_probe> probes(count);
    for (std::size_t i = 0; i < count; ++i) {
      clients_.push_back(raw_socket::connect(from->local_address()));
      servers_.emplace_back([&probe = probes[i], peer = std::move(*from->accept())]() mutable {
        probe.enter();
        echo(peer);
      });
    }
    for (const park_probe& probe : probes) probe.await(rt::wait_kind::read);
  }

  // By the system's blocking calls: on a plain thread.
  void round_trips(std::atomic<std::size_t>& answered) const {
    for (const raw_socket& client : clients_) client.send("x");
    for (const raw_socket& client : clients_) {
      EXPECT_EQ(client.receive(1), "x");
      answered.fetch_add(1);
    }
  }

  void end() {
    clients_.clear();
    for (auto& server : servers_) EXPECT_TRUE(server.join());
  }

 private:
  std::vector<raw_socket> clients_;
  std::vector<fiber<>> servers_;
};

// A fiber keeps one of two processors; connections of both shards are spoken to meanwhile.
// Returns how many had been answered when the fiber let go.
std::size_t answered_beside_a_spinner(bool monitor) {
  std::size_t answered_in_time = 0;
  run(
      [&] {
        std::atomic<bool> theirs_ready{false};
        std::atomic<bool> ours_ready{false};
        std::optional<served_connections> theirs;
        // Whoever spins stays where it is, so the other one is on the other processor.
        fiber helper([&] {
          theirs.emplace();
          theirs_ready.store(true);
          while (!ours_ready.load()) {
          }
        });
        // Takes the next slot, which nobody steals from: the helper moves to the queue.
        go([] {});
        while (!theirs_ready.load()) {
        }
        served_connections ours;
        ours_ready.store(true);
        std::atomic<std::size_t> answered{0};
        std::atomic<bool> all_answered{false};
        std::thread clients([&] {
          if (!monitor) {
            // Until the other processor sleeps: it would look here once more on its way.
            for (auto before = stats().sleeps;; before = stats().sleeps) {
              std::this_thread::sleep_for(50ms);
              if (stats().sleeps == before) break;
            }
          }
          ours.round_trips(answered);
          theirs->round_trips(answered);
          all_answered.store(true);
        });
        const std::int64_t limit = monitor ? 1'000'000'000'000 : 1'000'000'000;
        for (std::int64_t i = 0; i < limit && !all_answered.load(); ++i) {
        }
        answered_in_time = answered.load();
        while (!all_answered.load()) yield();
        clients.join();
        EXPECT_TRUE(helper.join());
        ours.end();
        theirs->end();
      },
      {.processors = 2, .monitor = monitor});
  return answered_in_time;
}

TEST_F(Liveness, ASpinningFiberHoldsUpNoConnection) {
  EXPECT_EQ(answered_beside_a_spinner(true), 2 * served_connections::count);
}

TEST_F(Liveness, WithoutTheMonitorItHoldsUpItsProcessors) {
  EXPECT_EQ(answered_beside_a_spinner(false), 0U);
}

#endif

class LivenessOn : public net_fixture {
 protected:
  void TearDown() override {
    rt::switched = {};
    net_fixture::TearDown();
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(LivenessOn);

// Whether `count` connections, whose servers all wait, left every thread asleep for a while.
bool idle_connections_let_all_sleep(std::int64_t count, const run_options& options) {
  bool was_idle = false;
  const auto body = [&] {
    const network kind = each_network().back();
    auto from = listen(kind, kind == tcp ? "127.0.0.1:0" : fresh_local_name());
    ASSERT_TRUE(from) << from.error();
    std::vector<stream> clients;
    std::vector<fiber<>> servers;
    std::vector<park_probe> probes(static_cast<std::size_t>(count));
    for (park_probe& probe : probes) {
      connected pair = connect_through(*from, kind);
      clients.push_back(std::move(pair.client));
      servers.emplace_back([&probe, peer = std::move(pair.server)]() mutable {
        probe.enter();
        echo(peer);
      });
    }
    for (const park_probe& probe : probes) probe.await(rt::wait_kind::read);
    fiber waiter([&] { (void)sleep_until(time_point::max()); });
    std::thread observer([&] {
      for (int i = 0; i < 100 && !was_idle; ++i) {
        const runtime_stats before = stats();
        std::this_thread::sleep_for(300ms);  // the interval in which nothing may happen
        const runtime_stats after = stats();
        was_idle = before.descriptors >= static_cast<std::uint64_t>(count) &&
                   before.polls == after.polls && before.monitor_looks == after.monitor_looks;
      }
      waiter.request_stop();
    });
    (void)waiter.join();
    observer.join();
    clients.clear();
    for (auto& server : servers) EXPECT_TRUE(server.join());
  };
  run(body, options);
  return was_idle;
}

TEST_P(LivenessOn, IdleConnectionsWakeNoThreadAndNoPoll) {
  EXPECT_TRUE(idle_connections_let_all_sleep(scaled(1000), options()));
}

// The thousand, whatever the scale: each has its knotes, and none is reported again.
TEST_P(LivenessOn, AThousandIdleConnectionsAreHeldByAKqueue) {
  const rt::poller_backend* kqueue = rt::find_poller("kqueue");
  if (kqueue == nullptr) kqueue = rt::find_poller("kqueue-shim");
  if (kqueue == nullptr) GTEST_SKIP() << "this system has no kqueue, and no shim of it";
  rt::switched.make_shard = kqueue->make;
  EXPECT_TRUE(idle_connections_let_all_sleep(1000, options()));
}

TEST_P(LivenessOn, ManyRunsWithSocketsLeaveNothingBehind) {
  const std::int64_t runs = scaled(1000);
  const auto one_run = [] {
    on_fibers([] {
      connected pair = any_pair();
      fiber server([&] { echo(pair.server); });
      EXPECT_TRUE(pair.client.write("x"));
      EXPECT_EQ(read_text(pair.client, 1), "x");
      EXPECT_TRUE(pair.client.close());
      EXPECT_TRUE(server.join());
      // One that the end of the run has to stop.
      go([left = tcp_pair()]() mutable { EXPECT_FALSE(left.server.receive()); });
    });
  };
  one_run();
  const process_counts before = process_state();
  for (std::int64_t i = 0; i < runs; ++i) one_run();
  const process_counts after = settled_process_state(before.threads);
  EXPECT_LE(after.threads, before.threads);
  EXPECT_EQ(after.descriptors, before.descriptors);
  // A sanitizer maps memory of its own for each thread that ever was.
  if (!rt::sanitizers_active()) {
    EXPECT_LE(after.mappings, before.mappings + 8) << "the allocator may keep a few";
  }
}

}  // namespace
}  // namespace sluice::net
