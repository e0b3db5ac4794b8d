// stream_end_test.h: what the tests of a stream's end have in common: a peer that is a raw socket,
// and every way of reading.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {

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
};

}  // namespace sluice::net
