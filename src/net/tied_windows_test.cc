// tied_windows_test.cc: what is special about sockets on completion ports: they are tied to one,
// and what a message costs.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "os/syscall_count.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;

struct connection {
  stream here;
  raw_socket peer;
};

connection connect_raw() {
  auto from = listen(tcp, "127.0.0.1:0").value();
  raw_socket peer = raw_socket::connect(from.local_address());
  return {from.accept().value(), std::move(peer)};
}

// Reader and writer wait for the first time at the same moment, on two workers: one ties the
// socket, and the other's operation must not be begun before.
TEST(Tied, BothDirectionsMayWaitFirstAtOnce) {
  for (int round = 0; round < 20; ++round) {
    run(
        [&] {
          auto [here, peer] = connect_raw();
          send_until_full(static_cast<int>(here.native_handle()));
          fiber reader([&] {
            std::byte buffer[4];
            EXPECT_EQ(here.read_full(buffer).value_or(0), 4u);
          });
          fiber writer([&] {
            const std::vector<std::byte> block(std::size_t{1} << 20);
            EXPECT_TRUE(here.write(block));
          });
          yield();
          peer.send("four");
          constexpr std::size_t piece = std::size_t{1} << 16;
          std::thread drain([&] {
            while (peer.receive(piece).size() == piece) {
            }
          });
          EXPECT_TRUE(reader.join());
          EXPECT_TRUE(writer.join());
          EXPECT_TRUE(here.shutdown_write());
          drain.join();
        },
        {.processors = 2});
  }
}

// Operations of a socket are reported by the shard that it was tied to, whoever waits.
TEST(Tied, ItsFibersMayWaitOnOtherProcessorsThanTheFirst) {
  run(
      [] {
        auto [here, peer] = connect_raw();
        for (int round = 0; round < 50; ++round) {
          fiber reader([&] {
            std::byte buffer[4];
            EXPECT_EQ(here.read_full(buffer).value_or(0), 4u);
          });
          yield();
          peer.send("four");
          EXPECT_TRUE(reader.join());
        }
      },
      {.processors = 4});
}

struct costs {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t dequeues = 0;
};

costs costs_of(const os::call_counters& calls) {
  return {calls[os::call::read], calls[os::call::write], calls[os::call::poll_wait]};
}

constexpr std::size_t busy_connections = 64;
constexpr std::uint64_t rounds = 50;
constexpr std::uint64_t messages = busy_connections * rounds;

// What the library called for all messages. `serve_one` echoes one message, or says that there are
// no more.
costs costs_of_messages(bool (*serve_one)(stream&)) {
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  costs first;
  costs last;
  run(
      [&] {
        auto from = listen(tcp, "127.0.0.1:0").value();
        std::vector<raw_socket> clients;
        std::vector<fiber<>> servers;
        wait_group answered;
        for (std::size_t i = 0; i < busy_connections; ++i) {
          clients.push_back(raw_socket::connect(from.local_address()));
          servers.emplace_back([&answered, serve_one, peer = from.accept().value()]() mutable {
            while (serve_one(peer)) answered.done();
          });
        }
        // The first round ties the sockets.
        for (std::uint64_t round = 0; round <= rounds; ++round) {
          if (round == 1) first = costs_of(calls);
          answered.add(busy_connections);
          for (const raw_socket& client : clients) client.send("a message");
          answered.wait();
          for (const raw_socket& client : clients) EXPECT_EQ(client.receive(9), "a message");
        }
        last = costs_of(calls);
        clients.clear();
        for (auto& server : servers) EXPECT_TRUE(server.join());
      },
      {.processors = 1, .monitor = false});
  os::active_call_counters.store(nullptr);
  return {last.reads - first.reads, last.writes - first.writes, last.dequeues - first.dequeues};
}

void print(const costs& all) {
  std::printf("[ a message ] %.3f reads, %.3f writes, %.3f dequeues\n",
              static_cast<double>(all.reads) / messages, static_cast<double>(all.writes) / messages,
              static_cast<double>(all.dequeues) / messages);
}

TEST(Tied, AMessageIsOneReceiveOneSendAndAShareOfADequeue) {
  const costs all = costs_of_messages([](stream& peer) {
    std::byte buffer[64];
    const auto got = peer.read(buffer);
    return got && peer.write(std::span(buffer).first(*got));
  });
  EXPECT_EQ(all.reads, messages);
  EXPECT_EQ(all.writes, messages);
  EXPECT_LT(all.dequeues, messages / 5) << "a dequeue brings many packets";
  print(all);
}

TEST(Tied, WhoHoldsNoBufferWhileHeWaitsPaysOneReceiveMore) {
  const costs all = costs_of_messages([](stream& peer) {
    const auto got = peer.receive();
    return got && peer.write(*got);
  });
  EXPECT_EQ(all.reads, 2 * messages);
  EXPECT_EQ(all.writes, messages);
  EXPECT_LT(all.dequeues, messages / 5);
  print(all);
}

// Windows 8.1 can untie a socket; Wine 8 cannot, and then the next wait says so instead of waiting
// for news that goes elsewhere.
TEST(Tied, AReleasedSocketIsUntiedOrTheNextWaitSaysThatItIsNot) {
  run(
      [] {
        auto [here, peer] = connect_raw();
        fiber first([&] {
          std::byte buffer[4];
          EXPECT_EQ(here.read_full(buffer).value_or(0), 4u);
        });
        yield();
        peer.send("four");
        EXPECT_TRUE(first.join());
        auto again = adopt(here.release().value());
        ASSERT_TRUE(again) << again.error();
        fiber second([&] {
          std::byte buffer[4];
          const auto got = again->read_full(buffer);
          if (!got) {
            EXPECT_EQ(got.error(), std::errc::invalid_argument);
          }
        });
        yield();
        peer.send("more");
        EXPECT_TRUE(second.join());
      },
      {.processors = 1});
}

TEST(Tied, TwoHundredConnectionsMayBeIdle) {
  constexpr std::size_t connections = 200;
  run(
      [] {
        auto from = listen(tcp, "127.0.0.1:0").value();
        std::vector<raw_socket> clients;
        wait_group ended;
        ended.add(connections);
        for (std::size_t i = 0; i < connections; ++i) {
          clients.push_back(raw_socket::connect(from.local_address()));
          go([&ended, peer = from.accept().value()]() mutable {
            while (const auto got = peer.receive()) EXPECT_TRUE(peer.write(*got));
            ended.done();
          });
        }
        for (const raw_socket& client : clients) client.send("x");
        for (const raw_socket& client : clients) EXPECT_EQ(client.receive(1), "x");
        clients.clear();
        ended.wait();
      },
      {.processors = 2});
}

}  // namespace
}  // namespace sluice::net
