// stream_end_test.cc: no byte is lost in front of the end, however the end comes, and whichever way
// it is read; each on a descriptor that the poller does not know yet and on one that it knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "net/stream_end_test.h"

namespace sluice::net {
namespace {

using namespace testing;

SLUICE_INSTANTIATE_WITH_PROCESSORS(StreamEnd);

TEST_P(StreamEnd, ComesTogetherWithTheLastData) {
  on_fibers([] {
    for (const network kind : each_network()) {
      expect_text_then_end(kind, "the last words", [](raw_socket& peer) {
        peer.send_with_what_follows("the last words");
        peer.shutdown_write();
      });
    }
  });
}

TEST_P(StreamEnd, ComesAfterTheDataWasRead) {
  on_fibers([] {
    for (const network kind : each_network()) {
      for (const bool registered : {false, true}) {
        half_raw pair = open(kind, registered);
        pair.peer.send("data");
        EXPECT_EQ(read_up_to(pair.server, 100).value(), "data");
        park_probe probe;
        fiber reader([&] {
          probe.enter();
          EXPECT_EQ(pair.server.receive().error(), errc::end_of_stream);
        });
        probe.await(rt::wait_kind::read);
        pair.peer.close();
        EXPECT_TRUE(reader.join());
      }
    }
  });
}

TEST_P(StreamEnd, AnUrgentByteInMidStreamHidesNoData) {
  on_fibers([] {
    expect_text_then_end(tcp, "abcdef", [](raw_socket& peer) {
      send_around_urgent(peer);
      peer.shutdown_write();
    });
    // The same without an end: nothing more is reported, and all of it must come.
    for (const bool registered : {false, true}) {
      for (int round = 0; round < 20; ++round) {
        half_raw pair = open(tcp, registered);
        send_around_urgent(pair.peer);
        expect_text(pair.server, "abcdef");
      }
    }
  });
}

TEST_P(StreamEnd, AnUrgentByteWhileTheReaderWaitsHidesNoData) {
  on_fibers([] {
    half_raw pair = open(tcp, true);
    for (int round = 0; round < 20; ++round) {
      park_probe probe;
      fiber reader([&] {
        probe.enter();
        expect_text(pair.server, "abcdef");
      });
      probe.await(rt::wait_kind::read);
      send_around_urgent(pair.peer);
      EXPECT_TRUE(reader.join());
    }
  });
}

// The byte at each place of a long transfer; its period has no common factor with any buffer.
const std::string& pattern() {
  static const std::string* const text = [] {
    auto* made = new std::string((1 << 20) + 7, '\0');
    std::uint32_t state = 1;
    for (char& byte : *made) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
    return made;
  }();
  return *text;
}

// Stronger than a checksum: every byte is where it belongs.
bool is_at(std::string_view piece, std::uint64_t place) {
  while (!piece.empty()) {
    const std::string_view expected = std::string_view(pattern()).substr(place % pattern().size());
    const std::size_t count = std::min(piece.size(), expected.size());
    if (piece.substr(0, count) != expected.substr(0, count)) return false;
    piece.remove_prefix(count);
    place += count;
  }
  return true;
}

void write_pattern(stream& to, std::uint64_t total) {
  for (std::uint64_t sent = 0; sent < total;) {
    const std::size_t at = sent % pattern().size();
    const std::size_t rest = std::min<std::uint64_t>(pattern().size() - at, total - sent);
    const std::size_t count = std::min<std::size_t>(rest, 1 + (sent * 7919) % 300'000);
    ASSERT_TRUE(to.write(std::string_view(pattern()).substr(at, count)));
    sent += count;
  }
  EXPECT_TRUE(to.shutdown_write());
}

TEST_P(StreamEnd, AGibibyteArrivesAsItWasSent) {
  const std::uint64_t total = static_cast<std::uint64_t>(scaled(1024)) << 20;
  on_fibers([total] {
    connected pair = tcp_pair();
    fiber writer([&] { write_pattern(pair.client, total); });
    std::uint64_t place = 0;
    std::uint64_t wrong = 0;
    while (auto chunk = pair.server.receive()) {
      wrong += is_at(chunk->text(), place) ? 0 : 1;
      place += chunk->size();
    }
    EXPECT_EQ(place, total);
    EXPECT_EQ(wrong, 0U);
    EXPECT_TRUE(writer.join());
  });
}

TEST_P(StreamEnd, ShortConnectionsInARowLeaveNothingBehind) {
  const std::int64_t count = scaled(20'000);
  on_fibers([count] {
    auto listener = listen(tcp, "127.0.0.1:0");
    const std::string where = listener->local_address().to_string();
    fiber server([&] {
      while (auto conn = listener->accept()) {
        while (auto chunk = conn->receive()) {
          if (!conn->write(*chunk)) break;
        }
      }
    });
    const std::size_t before = process_state().descriptors;
    for (std::int64_t i = 0; i < count; ++i) {
      auto conn = dial(tcp, where);
      ASSERT_TRUE(conn) << conn.error();
      ASSERT_TRUE(conn->write("x"));
      ASSERT_EQ(read_text(*conn, 1), "x");
      // A reset leaves no port waiting for late packets; the machine has only so many.
      ASSERT_TRUE(conn->linger(0s));
    }
    EXPECT_TRUE(listener->close());
    EXPECT_TRUE(server.join());
    EXPECT_LE(process_state().descriptors, before);
  });
}

}  // namespace
}  // namespace sluice::net
