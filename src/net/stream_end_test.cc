// stream_end_test.cc: no byte is lost in front of the end, however the end comes, and whichever way
// it is read; each on a descriptor that the poller does not know yet and on one that it knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;
class StreamEnd : public net_fixture {
 protected:
  struct half_raw {
    raw_socket peer;
    stream server;
  };

  static half_raw open(network kind, bool registered) {
    auto listener = listen(kind, kind == tcp ? "127.0.0.1:0" : fresh_local_name());
    half_raw pair{raw_socket::connect(listener->local_address()), {}};
    pair.server = listener->accept().value();
    if (registered) have_it_wait(pair);
    return pair;
  }

  // A read that has to wait makes the descriptor known to the poller.
  static void have_it_wait(half_raw& pair) {
    park_probe probe;
    fiber reader([&] {
      probe.enter();
      EXPECT_EQ(read_text(pair.server, 1), "w");
    });
    probe.await(rt::wait_kind::read);
    pair.peer.send("w");
    EXPECT_TRUE(reader.join());
  }

  // A way of reading: what one call brings.
  using way = std::function<result<std::string>(stream&)>;

  static result<std::string> read_up_to(stream& from, std::size_t size) {
    std::string text(size, '\0');
    const auto got = from.read(std::as_writable_bytes(std::span(text)));
    if (!got) return std::unexpected(got.error());
    return text.substr(0, *got);
  }

  static result<std::string> read_in_two(stream& from) {
    std::string text(5, '\0');
    const auto bytes = std::as_writable_bytes(std::span(text));
    const std::array<std::span<std::byte>, 2> buffers{bytes.first(2), bytes.subspan(2)};
    const auto got = from.readv(buffers);
    if (!got) return std::unexpected(got.error());
    return text.substr(0, *got);
  }

  static result<std::string> receive(stream& from) {
    const auto got = from.receive();
    if (!got) return std::unexpected(got.error());
    return std::string(got->text());
  }

  // `exact`: a buffer that the text fills.
  static std::vector<way> ways(std::size_t exact) {
    std::vector<way> all{read_in_two, receive};
    for (const std::size_t size : {std::size_t{1}, exact, exact + 1, std::size_t{4096}}) {
      all.push_back([size](stream& from) { return read_up_to(from, size); });
    }
    return all;
  }

  static std::string read_to_end(stream& from, const way& read) {
    std::string all;
    for (;;) {
      const auto piece = read(from);
      if (!piece) {
        EXPECT_EQ(piece.error(), errc::end_of_stream) << piece.error();
        return all;
      }
      all += *piece;
    }
  }

  // Reads until `text` is there; a lost report shows as a test that hangs.
  static void expect_text(stream& from, const std::string& text) {
    std::string got;
    while (got.size() < text.size()) got += read_up_to(from, 4096).value_or("(error)");
    EXPECT_EQ(got, text);
  }

  // `send` writes to the peer; every way of reading sees `text`, then the end, again and again.
  static void expect_text_then_end(network kind, const std::string& text,
                                   const std::function<void(raw_socket&)>& send) {
    for (const way& read : ways(text.size())) {
      for (const bool registered : {false, true}) {
        half_raw pair = open(kind, registered);
        send(pair.peer);
        EXPECT_EQ(read_to_end(pair.server, read), text) << "registered: " << registered;
        EXPECT_EQ(read_to_end(pair.server, read), "") << "the end stays";
      }
    }
  }

  static void send_around_urgent(raw_socket& peer) {
    peer.send("abc");
    peer.send_urgent('!');
    peer.send("def");
  }

  static void send_around_descriptor(raw_socket& peer) {
    peer.send("abc");
    peer.send_with_descriptor("X", peer.fd());
    peer.send("def");
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(StreamEnd);

TEST_P(StreamEnd, ComesTogetherWithTheLastData) {
  on_fibers([] {
    for (const network kind : {tcp, local}) {
      expect_text_then_end(kind, "the last words", [](raw_socket& peer) {
        peer.send_with_what_follows("the last words");
        peer.shutdown_write();
      });
    }
  });
}

TEST_P(StreamEnd, ComesAfterTheDataWasRead) {
  on_fibers([] {
    for (const network kind : {tcp, local}) {
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

TEST_P(StreamEnd, ADescriptorSentInMidStreamHidesNoData) {
  on_fibers([] {
    expect_text_then_end(local, "abcXdef", [&](raw_socket& peer) {
      send_around_descriptor(peer);
      peer.shutdown_write();
    });
    for (const bool registered : {false, true}) {
      half_raw pair = open(local, registered);
      send_around_descriptor(pair.peer);
      expect_text(pair.server, "abcXdef");
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
