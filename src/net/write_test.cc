// write_test.cc: a write is one piece, whoever else writes; who waits is the fiber alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;

class Write : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Write);

// Larger than the buffers of both ends hold at first: every write waits in the middle.
constexpr std::size_t block_size = std::size_t{1} << 20;

TEST_P(Write, ConcurrentOnesDoNotInterleave) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      std::vector<fiber<>> writers;
      for (const char tag : {'a', 'b', 'c', 'd'}) {
        writers.emplace_back([&pair, tag] {
          EXPECT_EQ(pair.client.write(std::string(block_size, tag)).value(), block_size);
        });
      }
      for (std::size_t i = 0; i < writers.size(); ++i) {
        const std::string block = read_text(pair.server, block_size);
        const auto other = [&block](char byte) { return byte != block.front(); };
        EXPECT_TRUE(std::ranges::none_of(block, other));
      }
      for (auto& writer : writers) EXPECT_TRUE(writer.join());
    }
  });
}

// The peer has said all it will say, and does not read: a state that its socket reports for ever.
TEST_P(Write, APeerThatHasShutDownItsHalfIsWaitedForAsAnyOther) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_TRUE(pair.server.shutdown_write());
      EXPECT_TRUE(pair.client.set_write_deadline(deadline::in(20ms)));
      for (;;) {
        const auto written = pair.client.write(std::string(block_size, 'w'));
        if (written) continue;
        EXPECT_EQ(written.error(), errc::deadline_exceeded) << written.error();
        break;
      }
      EXPECT_TRUE(pair.client.set_write_deadline(deadline::none()));
      const std::size_t threads = process_state().threads;
      park_probe probe;
      fiber writer([&] {
        probe.enter();
        // There may be room again, since the system moves what is on its way.
        for (;;) {
          const auto written = pair.client.write(std::string(block_size, 'w'));
          if (!written) return written.error();
        }
      });
      probe.await(rt::wait_kind::write);
      EXPECT_LE(process_state().threads, threads) << "nobody waits but the fiber";
      EXPECT_TRUE(pair.client.close());
      EXPECT_EQ(writer.join().value(), errc::closed);
    }
  });
}

TEST_P(Write, AStopReachesAWriterWhosePeerHasShutDownItsHalf) {
  result<std::size_t> ended = 0;
  on_fibers([&] {
    connected pair = tcp_pair();
    EXPECT_TRUE(pair.server.shutdown_write());
    park_probe probe;
    fiber writer([&] {
      probe.enter();
      do {
        ended = pair.client.write(std::string(block_size, 'w'));
      } while (ended);
    });
    probe.await(rt::wait_kind::write);
    writer.request_stop();
    EXPECT_TRUE(writer.join());
  });
  EXPECT_EQ(ended.error(), errc::operation_canceled) << ended.error();
}

TEST_P(Write, APeerThatNeverReadsBlocksTheWritersFiberOnly) {
  on_fibers([] {
    connected stuck = tcp_pair();
    connected lively = tcp_pair();
    park_probe probe;
    fiber writer([&] {
      probe.enter();
      while (stuck.client.write(std::string(block_size, 's'))) {
      }
    });
    probe.await(rt::wait_kind::write);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(lively.client.write("ping"));
      EXPECT_EQ(read_text(lively.server, 4), "ping");
    }
    EXPECT_TRUE(stuck.client.close());
    EXPECT_TRUE(writer.join());
  });
}

TEST_P(Write, ConcurrentReadsTakeTurns) {
  on_fibers([] {
    connected pair = tcp_pair();
    std::vector<fiber<>> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&pair] {
        const std::string block = read_text(pair.server, 1000);
        const auto other = [&block](char byte) { return byte != block.front(); };
        EXPECT_TRUE(std::ranges::none_of(block, other)) << "read_full is one turn";
      });
    }
    for (const char tag : {'a', 'b', 'c', 'd'}) {
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(pair.client.write(std::string(100, tag)));
        yield();
      }
    }
    for (auto& reader : readers) EXPECT_TRUE(reader.join());
  });
}

}  // namespace
}  // namespace sluice::net
