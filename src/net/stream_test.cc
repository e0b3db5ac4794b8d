// stream_test.cc: reading, writing and ending a connection.
#include "sluice/net/stream.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::net {
namespace {

using namespace testing;
class Stream : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Stream);

std::span<std::byte> room(std::string& text) { return std::as_writable_bytes(std::span(text)); }

TEST_P(Stream, WhatIsWrittenIsRead) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      fiber echo([&] {
        while (auto chunk = pair.server.receive()) {
          if (!pair.server.write(*chunk)) return;
        }
      });
      for (const std::string text : {"a", "hello", "the end"}) {
        EXPECT_EQ(pair.client.write(text).value(), text.size());
        EXPECT_EQ(read_text(pair.client, text.size()), text);
      }
      EXPECT_TRUE(pair.client.close());
      EXPECT_TRUE(echo.join());
    }
  });
}

TEST_P(Stream, ReadingNothingReturnsAtOnce) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_EQ(pair.client.read({}).value(), 0U);
    EXPECT_EQ(pair.client.readv({}).value(), 0U);
    const std::span<std::byte> nothing[2];
    EXPECT_EQ(pair.client.readv(nothing).value(), 0U);
    EXPECT_EQ(pair.client.read_full({}).value(), 0U);
    EXPECT_EQ(pair.client.write(std::string_view()).value(), 0U);
    EXPECT_EQ(pair.client.writev({}).value(), 0U);
  });
}

TEST_P(Stream, ManyBuffersAreWrittenAndReadInOrder) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      // More than one system call takes, with empty ones among them.
      std::vector<std::string> pieces;
      std::string whole;
      for (int i = 0; i < 200; ++i) {
        pieces.push_back(
            std::string(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26)));
        whole += pieces.back();
      }
      std::vector<std::span<const std::byte>> views;
      for (const std::string& piece : pieces) views.push_back(bytes_of(piece));
      EXPECT_EQ(pair.client.writev(views).value(), whole.size());
      EXPECT_TRUE(pair.client.shutdown_write());

      std::string got;
      std::string first(3, '\0');
      std::string second(50, '\0');
      const std::span<std::byte> buffers[] = {room(first), {}, room(second)};
      for (;;) {
        const auto count = pair.server.readv(buffers);
        if (!count) {
          EXPECT_EQ(count.error(), errc::end_of_stream);
          break;
        }
        got += (first + second).substr(0, *count);
      }
      EXPECT_EQ(got, whole);
    }
  });
}

TEST_P(Stream, AnEndInTheMiddleOfReadFullSaysHowMuchThereWas) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_TRUE(pair.client.write("abc"));
    EXPECT_TRUE(pair.client.close());
    std::string buffer(10, '\0');
    auto got = pair.server.read_full(room(buffer));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::unexpected_end);
    EXPECT_EQ(got.error().transferred(), 3U);
    EXPECT_EQ(buffer.substr(0, 3), "abc");
    got = pair.server.read_full(room(buffer));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::end_of_stream);
  });
}

TEST_P(Stream, HalfCloseLeavesTheOtherDirectionOpen) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_TRUE(pair.client.write("question"));
      EXPECT_TRUE(pair.client.shutdown_write());
      EXPECT_EQ(read_text(pair.server, 8), "question");
      EXPECT_EQ(pair.server.receive().error(), errc::end_of_stream);
      EXPECT_TRUE(pair.server.write("answer"));
      EXPECT_EQ(read_text(pair.client, 6), "answer");
      EXPECT_EQ(pair.client.write("more").error(), std::errc::broken_pipe);

      EXPECT_TRUE(pair.server.shutdown_write());
      EXPECT_EQ(pair.client.receive().error(), errc::end_of_stream);
    }
  });
}

TEST_P(Stream, ShutdownReadEndsAReadThatWaits) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      park_probe probe;
      fiber reader([&] {
        probe.enter();
        EXPECT_EQ(pair.server.receive().error(), errc::end_of_stream);
      });
      probe.await(rt::wait_kind::read);
      EXPECT_TRUE(pair.server.shutdown_read());
      EXPECT_TRUE(reader.join());
      EXPECT_TRUE(pair.server.write("still"));
      EXPECT_EQ(read_text(pair.client, 5), "still");
    }
  });
}

// A short read is remembered: the next one waits before it tries.
TEST_P(Stream, ShutdownReadAfterAShortReadIsTheEndToo) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_TRUE(pair.client.write("short"));
      std::byte more[100];
      EXPECT_EQ(pair.server.read(more).value_or(0), 5u);
      EXPECT_TRUE(pair.server.shutdown_read());
      EXPECT_EQ(pair.server.read(more).error(), errc::end_of_stream);
      EXPECT_EQ(pair.server.receive().error(), errc::end_of_stream);
    }
  });
}

TEST_P(Stream, AResetIsConnectionReset) {
  on_fibers([] {
    auto listener = listen(tcp, "127.0.0.1:0");
    for (const bool waits : {false, true}) {
      raw_socket peer = raw_socket::connect(listener->local_address());
      stream server = listener->accept().value();
      park_probe probe;
      if (!waits) peer.reset();
      fiber reader([&] {
        probe.enter();
        EXPECT_EQ(server.receive().error(), std::errc::connection_reset);
      });
      if (waits) {
        probe.await(rt::wait_kind::read);
        peer.reset();
      }
      EXPECT_TRUE(reader.join());
    }
  });
}

TEST_P(Stream, AWriteToAGonePeerFailsWithoutASignal) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_TRUE(pair.client.linger(0s));
      EXPECT_TRUE(pair.client.close());
      const std::string block(1 << 16, 'x');
      for (;;) {
        const auto sent = pair.server.write(block);
        if (sent) continue;
        EXPECT_TRUE(sent.error() == std::errc::broken_pipe ||
                    sent.error() == std::errc::connection_reset)
            << sent.error();
        break;
      }
    }
  });
}

TEST_P(Stream, WithoutAConnectionEveryCallSaysSo) {
  on_fibers([] {
    connected pair = tcp_pair();
    stream taken = std::move(pair.client);
    stream& empty = pair.client;
    EXPECT_FALSE(empty);
    std::string buffer(1, '\0');
    const auto expected = std::errc::bad_file_descriptor;
    EXPECT_EQ(empty.read(room(buffer)).error(), expected);
    EXPECT_EQ(empty.readv({}).error(), expected);
    EXPECT_EQ(empty.read_full(room(buffer)).error(), expected);
    EXPECT_EQ(empty.receive().error(), expected);
    EXPECT_EQ(empty.write("x").error(), expected);
    EXPECT_EQ(empty.writev({}).error(), expected);
    EXPECT_EQ(empty.close().error(), expected);
    EXPECT_EQ(empty.shutdown_read().error(), expected);
    EXPECT_EQ(empty.shutdown_write().error(), expected);
    EXPECT_EQ(empty.set_deadline({}).error(), expected);
    EXPECT_EQ(empty.no_delay(true).error(), expected);
    EXPECT_EQ(empty.linger({}).error(), expected);
    EXPECT_EQ(empty.release().error(), expected);
    EXPECT_EQ(empty.native_handle(), -1);
    EXPECT_EQ(empty.local_address(), address());
    EXPECT_EQ(empty.remote_address(), address());
    EXPECT_NE(empty.close().error().message().find("bad file descriptor"), std::string::npos);
  });
}

TEST_P(Stream, BothEndsKnowBothAddresses) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_EQ(pair.client.local_address(), pair.server.remote_address());
    EXPECT_EQ(pair.client.remote_address(), pair.server.local_address());
    EXPECT_NE(pair.client.local_address().port(), 0);
  });
}

TEST_P(Stream, TheEndsOfALocalConnectionKnowTheNameOfTheListener) {
  SLUICE_NEEDS_LOCAL_SOCKETS();
  on_fibers([] {
    const std::string name = fresh_local_name();
    auto listener = listen(local, name);
    connected other = connect_through(*listener, local);
    EXPECT_EQ(other.server.local_address().to_string(), name);
    EXPECT_EQ(other.client.remote_address().to_string(), name);
    EXPECT_EQ(other.server.remote_address().to_string(), "");
  });
}

TEST_P(Stream, OptionsReachTheSocket) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_TRUE(is_no_delay(pair.client.native_handle()));
    EXPECT_TRUE(is_no_delay(pair.server.native_handle())) << "inherited from the listener";
    EXPECT_TRUE(pair.client.no_delay(false));
    EXPECT_FALSE(is_no_delay(pair.client.native_handle()));
    EXPECT_TRUE(pair.client.keep_alive(true));
    EXPECT_TRUE(pair.client.send_buffer_size(1 << 16));
    EXPECT_TRUE(pair.client.receive_buffer_size(1 << 16));
    EXPECT_TRUE(pair.client.linger(0s));
    EXPECT_TRUE(pair.client.linger({}));
  });
}

TEST_P(Stream, AnOptionThatASocketHasNotIsAnError) {
  SLUICE_NEEDS_LOCAL_SOCKETS();
  on_fibers([] { EXPECT_FALSE(local_pair().client.no_delay(true)); });
}

TEST_P(Stream, DescriptorsAreCloseOnExec) {
  on_fibers([] {
    auto listener = listen(tcp, "127.0.0.1:0");
    connected pair = connect_through(*listener, tcp);
    for (const int fd :
         {listener->native_handle(), pair.client.native_handle(), pair.server.native_handle()}) {
      EXPECT_TRUE(is_close_on_exec(fd));
    }
  });
}

TEST_P(Stream, ReleaseGivesAnOpenDescriptorThatCanBeAdoptedAgain) {
  on_fibers([] {
    connected pair = tcp_pair();
    park_probe probe;
    fiber reader([&] {
      probe.enter();
      EXPECT_EQ(pair.server.receive().error(), errc::closed);
    });
    probe.await(rt::wait_kind::read);
    const auto fd = pair.server.release();
    ASSERT_TRUE(fd) << fd.error();
    EXPECT_TRUE(reader.join());
    EXPECT_TRUE(is_open(*fd));
    EXPECT_EQ(pair.server.write("x").error(), errc::closed);

    stream again = adopt(*fd).value();
    EXPECT_EQ(again.remote_address(), pair.client.local_address());
    EXPECT_TRUE(pair.client.write("hello"));
    EXPECT_EQ(read_text(again, 5), "hello");
  });
}

TEST_P(Stream, OnlyConnectedStreamSocketsCanBeAdopted) {
  on_fibers([] {
    EXPECT_EQ(adopt(0).error(), std::errc::invalid_argument);
    EXPECT_EQ(adopt(2).error(), std::errc::invalid_argument);
    EXPECT_EQ(adopt(1'000'000).error(), std::errc::bad_file_descriptor);
    auto listener = listen(tcp, "127.0.0.1:0");
    EXPECT_EQ(adopt(listener->native_handle()).error(), errc::not_supported);

    raw_socket peer = raw_socket::connect(listener->local_address());
    stream server = listener->accept().value();
    stream client = adopt(peer.fd()).value();
    EXPECT_TRUE(is_close_on_exec(peer.release()));
    EXPECT_TRUE(client.write("adopted"));
    EXPECT_EQ(read_text(server, 7), "adopted");
  });
}

TEST_P(Stream, OutsideOfFibersACallThatWouldWaitSaysSo) {
  on_fibers([] {
    connected pair = tcp_pair();
    std::thread outside([&] {
      EXPECT_TRUE(pair.client.write("no wait")) << "there is room";
      std::string buffer(7, '\0');
      EXPECT_EQ(pair.client.read(room(buffer)).error(), errc::not_a_fiber);
    });
    outside.join();
    EXPECT_EQ(read_text(pair.server, 7), "no wait");
  });
  EXPECT_EQ(dial(tcp, "127.0.0.1:1").error(), errc::not_a_fiber);
  EXPECT_EQ(listen(tcp, "127.0.0.1:0").error(), errc::not_a_fiber);
}

TEST_P(Stream, OneThatOutlivesItsRuntimeCanOnlyBeClosed) {
  connected left;
  on_fibers([&] { left = tcp_pair(); });
  std::string buffer(7, '\0');
  EXPECT_EQ(left.client.read(room(buffer)).error(), errc::closed);
  EXPECT_EQ(left.client.write("x").error(), errc::closed);
  EXPECT_EQ(left.client.set_deadline(deadline::none()).error(), errc::closed);
  on_fibers([&] {
    EXPECT_EQ(left.client.read(room(buffer)).error(), errc::closed);
    EXPECT_TRUE(left.client.close());
  });
  EXPECT_FALSE(left.client.close());
}

}  // namespace
}  // namespace sluice::net
