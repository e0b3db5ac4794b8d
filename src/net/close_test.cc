// close_test.cc: closing from anywhere: everybody is woken, and nobody ever works on a number that
// is somebody else's by now.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/net_fixture.h"
#include "testing/raw_socket.h"
#include "testing/system_manners.h"

namespace sluice::net {
namespace {

using namespace testing;
using std::chrono::steady_clock;

class Close : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Close);

TEST_P(Close, WakesEveryReaderAndWriter) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      const std::string more_than_fits(std::size_t{64} << 20, 'f');
      std::vector<park_probe> probes(8);
      std::vector<fiber<>> users;
      for (std::size_t i = 0; i < probes.size(); ++i) {
        const bool reads = i % 2 == 0;
        users.emplace_back([&, i, reads] {
          probes[i].enter();
          const error why =
              reads ? pair.client.receive().error() : pair.client.write(more_than_fits).error();
          EXPECT_EQ(why, errc::closed) << why;
        });
        const auto first = reads ? rt::wait_kind::read : rt::wait_kind::write;
        probes[i].await(i < 2 ? first : rt::wait_kind::turn);
      }
      const int fd = pair.client.native_handle();
      EXPECT_TRUE(pair.client.close());
      EXPECT_FALSE(is_open(fd)) << "the number is free when close returns";
      for (auto& user : users) EXPECT_TRUE(user.join());

      EXPECT_EQ(pair.client.close().error(), errc::closed);
      EXPECT_EQ(pair.client.receive().error(), errc::closed);
      EXPECT_EQ(pair.client.write("x").error(), errc::closed);
      EXPECT_EQ(pair.client.set_deadline(deadline::none()).error(), errc::closed);
      EXPECT_EQ(pair.client.shutdown_write().error(), errc::closed);
      EXPECT_EQ(pair.client.local_address(), address());
      EXPECT_EQ(pair.client.native_handle(), -1);
    }
  });
}

TEST_P(Close, OfManyAtOnceOneSucceeds) {
  on_fibers([] {
    for (int round = 0; round < 50; ++round) {
      connected pair = tcp_pair();
      std::atomic<int> closed{0};
      std::vector<fiber<>> closers;
      for (int i = 0; i < 4; ++i) {
        closers.emplace_back([&] { closed.fetch_add(pair.client.close() ? 1 : 0); });
      }
      for (auto& closer : closers) EXPECT_TRUE(closer.join());
      EXPECT_EQ(closed.load(), 1);
    }
  });
}

// What one connection's reader saw.
struct hammered {
  std::atomic<std::uint64_t> foreign{0};  // bytes of another connection
  std::atomic<std::uint64_t> own{0};
  std::atomic<std::uint64_t> odd{0};  // errors that closing does not explain
};

void read_tagged(stream& from, char tag, hammered& seen) {
  for (;;) {
    const auto chunk = from.receive();
    if (!chunk) {
      const bool expected = chunk.error() == errc::closed || chunk.error() == errc::end_of_stream ||
                            chunk.error() == std::errc::connection_reset;
      seen.odd.fetch_add(expected ? 0 : 1);
      return;
    }
    for (const char byte : chunk->text()) (byte == tag ? seen.own : seen.foreign).fetch_add(1);
  }
}

// One chain of connections, each with a tag of its own: opened, used from four fibers, closed in
// the middle of it by a fifth, and the next one opened at once, most likely under the same number.
void hammer(char first_tag, std::int64_t rounds, hammered& seen) {
  for (std::int64_t round = 0; round < rounds; ++round) {
    const char tag = static_cast<char>(first_tag + round % 13);
    connected pair = round % 2 == 0 ? tcp_pair() : any_pair();
    const std::string text(1 + static_cast<std::size_t>(round * 37 % 3000), tag);
    std::vector<fiber<>> users;
    for (stream* end : {&pair.client, &pair.server}) {
      users.emplace_back([&seen, end, tag] { read_tagged(*end, tag, seen); });
      users.emplace_back([&text, end] {
        while (end->write(text)) {
        }
      });
    }
    for (int i = 0; i < round % 5; ++i) yield();
    stream& victim = round % 3 == 0 ? pair.client : pair.server;
    EXPECT_TRUE(victim.close());
    for (auto& user : users) EXPECT_TRUE(user.join());
  }
}

TEST_P(Close, HammeredUnderLoadNeverReachesTheWrongOwner) {
  const std::int64_t rounds = scaled(100);
  on_fibers([rounds] {
    hammered seen;
    std::vector<fiber<>> chains;
    for (const char tag : {'A', 'N', 'a', 'n'}) {
      chains.emplace_back([&seen, tag, rounds] { hammer(tag, rounds, seen); });
    }
    for (auto& chain : chains) EXPECT_TRUE(chain.join());
    EXPECT_EQ(seen.foreign.load(), 0U);
    EXPECT_EQ(seen.odd.load(), 0U);
    EXPECT_GT(seen.own.load(), 0U);
  });
}

TEST_P(Close, AReusedNumberBringsNoForeignBytes) {
  const std::int64_t rounds = scaled(150);
  on_fibers([rounds] {
    hammered seen;
    std::atomic<std::int64_t> reused{0};
    int last = -1;
    for (std::int64_t round = 0; round < rounds; ++round) {
      const char tag = static_cast<char>('a' + round % 26);
      connected pair = tcp_pair();
      const int fd = pair.server.native_handle();
      reused.fetch_add(fd == last ? 1 : 0);
      last = fd;
      fiber reader([&] { read_tagged(pair.server, tag, seen); });
      fiber writer([&] {
        const std::string text(100, tag);
        while (pair.client.write(text)) {
        }
      });
      for (int i = 0; i < round % 4; ++i) yield();
      EXPECT_TRUE(pair.server.close());
      EXPECT_TRUE(reader.join());
      EXPECT_TRUE(writer.join());
    }
    EXPECT_EQ(seen.foreign.load(), 0U);
    EXPECT_EQ(seen.odd.load(), 0U);
    EXPECT_GT(reused.load(), 0) << "no number was reused: the test has tested nothing";
  });
}

TEST_P(Close, WithAPositiveLingerBlocksItsFiberOnly) {
  on_fibers([] {
    connected stuck = tcp_pair();
    connected other = tcp_pair();
    send_until_full(stuck.client.native_handle());
    EXPECT_TRUE(stuck.client.linger(1s));
    fiber echo([&] {
      while (auto chunk = other.server.receive()) {
        if (!other.server.write(*chunk)) return;
      }
    });
    std::atomic<bool> closed{false};
    fiber closer([&] {
      const auto begin = steady_clock::now();
      EXPECT_TRUE(stuck.client.close());
      EXPECT_GE(steady_clock::now() - begin, 900ms) << "nothing was left to linger for";
      closed.store(true);
    });
    std::int64_t round_trips = 0;
    while (!closed.load()) {
      ASSERT_TRUE(other.client.write("x"));
      ASSERT_EQ(read_text(other.client, 1), "x");
      ++round_trips;
    }
    EXPECT_GT(round_trips, 10);
    EXPECT_TRUE(closer.join());
    EXPECT_TRUE(other.client.close());
    EXPECT_TRUE(echo.join());
  });
}

TEST_P(Close, ThePortIsFreeWhenItReturns) {
  on_fibers([] {
    auto listener = listen(tcp, "127.0.0.1:0");
    const std::string where = listener->local_address().to_string();
    for (int round = 0; round < 20; ++round) {
      std::vector<park_probe> probes(3);
      std::vector<fiber<>> accepters;
      for (park_probe& probe : probes) {
        accepters.emplace_back([&] {
          probe.enter();
          EXPECT_EQ(listener->accept().error(), errc::closed);
        });
        probe.await(&probe == probes.data() ? rt::wait_kind::accept : rt::wait_kind::turn);
      }
      EXPECT_TRUE(listener->close());
      EXPECT_EQ(listener->close().error(), errc::closed);
      auto next = listen(tcp, where, {.reuse_address = false});
      ASSERT_TRUE(next) << next.error();
      for (auto& accepter : accepters) EXPECT_TRUE(accepter.join());
      listener = std::move(next);
    }
  });
}

TEST_P(Close, AFullRunOfFibersInsideIsStopped) {
  if (!full_backlog_waits()) GTEST_SKIP() << "SKIPPED: a dial to a full backlog does not wait here";
  const std::int64_t each = scaled(250);
  std::atomic<std::int64_t> canceled{0};
  std::atomic<std::int64_t> inside{0};
  on_fibers([&] {
    // The owners outlive the first fiber: they belong to fibers that are stopped too.
    go([&, each] {
      auto busy = listen(tcp, "127.0.0.1:0", {.backlog = 1});
      auto quiet = listen(tcp, "127.0.0.1:0");
      const std::string full = busy->local_address().to_string();
      std::vector<raw_socket> fillers;
      for (int i = 0; i < 4; ++i) {
        fillers.push_back(raw_socket::begin_connect(busy->local_address()));
      }
      connected pair = tcp_pair();
      const auto count = [&](const error& why) {
        canceled.fetch_add(why == errc::operation_canceled ? 1 : 0);
      };
      std::vector<fiber<>> all;
      for (std::int64_t i = 0; i < each; ++i) {
        all.emplace_back([&] { inside.fetch_add(1), count(pair.client.receive().error()); });
        all.emplace_back([&] { inside.fetch_add(1), count(quiet->accept().error()); });
        all.emplace_back([&] { inside.fetch_add(1), count(dial(tcp, full).error()); });
        all.emplace_back([&] { inside.fetch_add(1), count(sleep_for(1h).error()); });
      }
      for (auto& one : all) {
        // Cut short as well: the handles' destructors wait.
        static_cast<void>(one.join());
      }
    });
    while (inside.load() != 4 * each) yield();
  });
  EXPECT_EQ(canceled.load(), 4 * each);
}

#ifndef NDEBUG
TEST(CloseDeathTest, DestroyingAStreamWithAFiberInsideIsReported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([] {
                 connected pair = tcp_pair();
                 auto* const victim = new stream(std::move(pair.client));
                 park_probe probe;
                 go([&, victim] {
                   probe.enter();
                   static_cast<void>(victim->receive());
                 });
                 probe.await(rt::wait_kind::read);
                 delete victim;
               }),
               "destroyed while another fiber was inside");
}
#endif

}  // namespace
}  // namespace sluice::net
