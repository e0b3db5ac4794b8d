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

TEST(Tied, AMessageIsOneReceiveOneSendAndAShareOfADequeue) {
  constexpr std::size_t connections = 64;
  constexpr std::uint64_t rounds = 50;
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t waits = 0;
  run(
      [&] {
        auto from = listen(tcp, "127.0.0.1:0").value();
        std::vector<raw_socket> clients;
        std::vector<fiber<>> servers;
        wait_group answered;
        for (std::size_t i = 0; i < connections; ++i) {
          clients.push_back(raw_socket::connect(from.local_address()));
          servers.emplace_back([&answered, peer = from.accept().value()]() mutable {
            std::byte buffer[64];
            while (const auto got = peer.read(buffer)) {
              EXPECT_TRUE(peer.write(std::span(buffer).first(*got)));
              answered.done();
            }
          });
        }
        for (std::uint64_t round = 0; round <= rounds; ++round) {
          if (round == 1) {
            reads = calls[os::call::read];
            writes = calls[os::call::write];
            waits = calls[os::call::poll_wait];
          }
          answered.add(connections);
          for (const raw_socket& client : clients) client.send("a message");
          answered.wait();
          for (const raw_socket& client : clients) EXPECT_EQ(client.receive(9), "a message");
        }
        reads = calls[os::call::read] - reads;
        writes = calls[os::call::write] - writes;
        waits = calls[os::call::poll_wait] - waits;
        clients.clear();
        for (auto& server : servers) EXPECT_TRUE(server.join());
      },
      {.processors = 1, .monitor = false});
  os::active_call_counters.store(nullptr);
  constexpr std::uint64_t messages = connections * rounds;
  EXPECT_EQ(reads, messages);
  EXPECT_EQ(writes, messages);
  EXPECT_LT(waits, messages / 5) << "a dequeue brings many packets";
  std::printf("[ a message ] %.3f reads, %.3f writes, %.3f dequeues\n",
              static_cast<double>(reads) / messages, static_cast<double>(writes) / messages,
              static_cast<double>(waits) / messages);
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
