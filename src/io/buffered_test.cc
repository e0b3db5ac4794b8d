// buffered_test.cc: lines, pieces and small writes over a pipe, whose other end is in the same
// fiber: what is there is there, and nothing depends on who is faster.
#include "sluice/buffered.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/fiber.h"
#include "sluice/net/pipe.h"
#include "sluice/run.h"
#include "testing/with_processors.h"

namespace sluice::io {
namespace {

using net::pipe_end;

class Buffered : public testing::with_processors {
 protected:
  template <class F>
  static void on_fibers(F&& body) {
    run(std::forward<F>(body), options());
  }

  // An end from which `text` and then the end of the stream is read.
  static pipe_end source_of(std::string_view text) {
    auto [near, far] = net::pipe();
    EXPECT_TRUE(far.write(text));
    return std::move(near);
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Buffered);

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Passes on at most one byte a read: every boundary is met.
struct byte_by_byte {
  pipe_end* from;
  result<std::size_t> read(std::span<std::byte> buffer) { return from->read(buffer.first(1)); }
};

TEST_P(Buffered, LinesLoseTheirEnds) {
  on_fibers([] {
    pipe_end source = source_of("one\r\ntwo\n\n\r\nlast\n");
    buffered_reader lines(source);
    for (const std::string_view line : {"one", "two", "", "", "last"}) {
      EXPECT_EQ(lines.read_line(100).value(), line);
    }
    EXPECT_EQ(lines.read_line(100).error(), errc::end_of_stream);
  });
}

TEST_P(Buffered, LinesThatComeInPiecesAreWhole) {
  on_fibers([] {
    pipe_end source = source_of("a line that comes in pieces\r\nanother\n");
    byte_by_byte pieces(&source);
    buffered_reader lines(pieces, 1);
    EXPECT_EQ(lines.read_line(100).value(), "a line that comes in pieces");
    EXPECT_EQ(lines.read_line(100).value(), "another");
  });
}

TEST_P(Buffered, ALineThatTheEndCutsStaysBuffered) {
  on_fibers([] {
    pipe_end source = source_of("whole\ncut");
    buffered_reader lines(source);
    EXPECT_EQ(lines.read_line(100).value(), "whole");
    for (int i = 0; i < 2; ++i) {
      const auto cut = lines.read_line(100);
      EXPECT_EQ(cut.error(), errc::unexpected_end);
      EXPECT_EQ(cut.error().transferred(), 3U);
    }
    EXPECT_EQ(text_of(lines.peek(3).value()), "cut");
  });
}

TEST_P(Buffered, TheLimitCountsTheDelimiter) {
  on_fibers([] {
    pipe_end source = source_of("12345;rest");
    byte_by_byte pieces(&source);
    buffered_reader from(pieces, 1);
    EXPECT_EQ(from.read_until(';', 5).error(), errc::limit_exceeded);
    EXPECT_LE(from.buffered(), 10U) << "it reads no further than twice the limit";
    EXPECT_EQ(from.read_until(';', 6).value(), "12345;") << "what was refused stays buffered";
    EXPECT_EQ(from.read_until(';', 0).error(), errc::limit_exceeded);
    EXPECT_EQ(text_of(from.peek(4).value()), "rest");
  });
}

TEST_P(Buffered, ADelimiterBeyondTheLimitIsNotTaken) {
  on_fibers([] {
    pipe_end source = source_of("123456\n");
    buffered_reader from(source);
    EXPECT_EQ(from.peek(7).value().size(), 7U);
    EXPECT_EQ(from.read_line(6).error(), errc::limit_exceeded);
    EXPECT_EQ(from.read_line(7).value(), "123456");
  });
}

TEST_P(Buffered, PeekTakesNothing) {
  on_fibers([] {
    pipe_end source = source_of("abcdef");
    byte_by_byte pieces(&source);
    buffered_reader from(pieces, 2);
    EXPECT_TRUE(from.peek(0).value().empty());
    EXPECT_EQ(text_of(from.peek(2).value()), "ab");
    EXPECT_EQ(text_of(from.peek(5).value()), "abcde") << "more than the first buffer holds";
    const auto beyond = from.peek(7);
    EXPECT_EQ(beyond.error(), errc::unexpected_end);
    EXPECT_EQ(beyond.error().transferred(), 6U);
    EXPECT_EQ(from.discard(6).value(), 6U);
    EXPECT_EQ(from.peek(1).error(), errc::end_of_stream);
  });
}

TEST_P(Buffered, DiscardGoesBeyondTheBufferAndSaysHowFarItCame) {
  on_fibers([] {
    pipe_end source = source_of("0123456789");
    buffered_reader from(source, 4);
    EXPECT_EQ(from.discard(0).value(), 0U);
    EXPECT_EQ(from.discard(7).value(), 7U);
    EXPECT_EQ(text_of(from.peek(1).value()), "7");
    const auto cut = from.discard(5);
    EXPECT_EQ(cut.error(), errc::unexpected_end);
    EXPECT_EQ(cut.error().transferred(), 3U);
    EXPECT_EQ(from.discard(1).error(), errc::end_of_stream);
  });
}

TEST_P(Buffered, AReadBringsWhatIsBufferedFirst) {
  on_fibers([] {
    pipe_end source = source_of("line\nand the rest");
    buffered_reader from(source);
    EXPECT_EQ(from.read_line(100).value(), "line");
    EXPECT_EQ(from.buffered(), 12U);
    std::array<std::byte, 8> small;
    EXPECT_EQ(from.read({}).value(), 0U);
    EXPECT_EQ(from.read(small).value(), 8U);
    EXPECT_EQ(text_of(small), "and the ");
    EXPECT_EQ(from.read(small).value(), 4U);
    EXPECT_EQ(from.read(small).error(), errc::end_of_stream);
  });
}

TEST_P(Buffered, ALargeReadGoesPastTheBuffer) {
  on_fibers([] {
    const std::string text(3 * buffered_reader<pipe_end>::default_size, 'x');
    pipe_end source = source_of(text);
    buffered_reader from(source);
    std::string whole(text.size(), '\0');
    EXPECT_EQ(from.read(std::as_writable_bytes(std::span(whole))).value(), text.size());
    EXPECT_EQ(whole, text);
    EXPECT_EQ(from.buffered(), 0U);
  });
}

TEST_P(Buffered, ADeadlineInTheMiddleOfALineLosesNothing) {
  on_fibers([] {
    auto [near, far] = net::pipe();
    EXPECT_TRUE(far.write("half a "));
    buffered_reader lines(near);
    EXPECT_EQ(lines.peek(7).value().size(), 7U);
    EXPECT_TRUE(near.set_read_deadline(std::chrono::steady_clock::now()));
    EXPECT_EQ(lines.read_line(100).error(), errc::deadline_exceeded);
    EXPECT_TRUE(near.set_read_deadline(deadline::none()));
    EXPECT_TRUE(far.write("line\n"));
    EXPECT_EQ(lines.read_line(100).value(), "half a line");
  });
}

TEST_P(Buffered, SmallWritesGoOutTogetherWhenFlushed) {
  on_fibers([] {
    auto [near, far] = net::pipe();
    buffered_writer to(near, 16);
    EXPECT_EQ(to.write("small ").value(), 6U);
    EXPECT_EQ(to.write("writes").value(), 6U);
    EXPECT_EQ(to.buffered(), 12U);
    EXPECT_TRUE(far.set_read_deadline(std::chrono::steady_clock::now()));
    EXPECT_EQ(far.receive().error(), errc::deadline_exceeded) << "nothing has gone out";
    EXPECT_TRUE(far.set_read_deadline(deadline::none()));
    EXPECT_TRUE(to.flush());
    EXPECT_EQ(to.buffered(), 0U);
    EXPECT_EQ(far.receive().value().text(), "small writes");
    EXPECT_TRUE(to.flush()) << "nothing to do";
  });
}

TEST_P(Buffered, AFullBufferGoesOutFirstAndALargeWriteGoesPastIt) {
  on_fibers([] {
    auto [near, far] = net::pipe();
    buffered_writer to(near, 8);
    EXPECT_TRUE(to.write("12345"));
    EXPECT_TRUE(to.write("678")) << "exactly full is not yet too much";
    EXPECT_EQ(to.buffered(), 8U);
    EXPECT_TRUE(to.write("9"));
    EXPECT_EQ(far.receive().value().text(), "12345678");
    EXPECT_EQ(to.buffered(), 1U);
    EXPECT_EQ(to.write("a long write").value(), 12U);
    EXPECT_EQ(to.buffered(), 0U);
    EXPECT_EQ(far.receive().value().text(), "9a long write");
  });
}

TEST_P(Buffered, AfterAnErrorEveryWriteFailsWithIt) {
  on_fibers([] {
    auto [near, far] = net::pipe();
    buffered_writer to(near, 4);
    EXPECT_TRUE(to.write("abc"));
    EXPECT_TRUE(near.set_write_deadline(std::chrono::steady_clock::now()));
    EXPECT_EQ(to.flush().error(), errc::deadline_exceeded);
    EXPECT_TRUE(near.set_write_deadline(deadline::none()));
    EXPECT_EQ(to.write("d").error(), errc::deadline_exceeded);
    EXPECT_EQ(to.flush().error(), errc::deadline_exceeded);
  });
}

TEST_P(Buffered, CopyTakesEverythingUpToTheEnd) {
  on_fibers([] {
    auto [source, feeder] = net::pipe();
    auto [sink, drain] = net::pipe();
    const std::string text(200'000, 'c');  // more than a pipe holds: all three have to wait
    fiber feeding([&feeder, &text] {
      EXPECT_TRUE(feeder.write(text));
      EXPECT_TRUE(feeder.shutdown_write());
    });
    fiber copying([&source, &sink] {
      const auto copied = copy(source, sink);
      EXPECT_TRUE(sink.shutdown_write());
      return copied;
    });
    std::string arrived;
    auto chunk = drain.receive();
    for (; chunk; chunk = drain.receive()) arrived += chunk->text();
    EXPECT_EQ(chunk.error(), errc::end_of_stream);
    EXPECT_EQ(copying.join().value().value(), text.size());
    EXPECT_TRUE(feeding.join());
    EXPECT_EQ(arrived, text);
  });
}

TEST_P(Buffered, CopyFromABufferedReaderTakesWhatIsBufferedToo) {
  on_fibers([] {
    pipe_end source = source_of("header\nbody");
    buffered_reader from(source);
    EXPECT_EQ(from.read_line(100).value(), "header");
    auto [sink, drain] = net::pipe();
    EXPECT_EQ(copy(from, sink).value(), 4U);
    EXPECT_EQ(drain.receive().value().text(), "body");
  });
}

TEST_P(Buffered, CopySaysHowMuchWasWrittenBeforeAnError) {
  on_fibers([] {
    auto [source, feeder] = net::pipe();
    auto [sink, drain] = net::pipe();
    EXPECT_TRUE(feeder.write("abc"));
    EXPECT_TRUE(source.set_read_deadline(deadline::in(std::chrono::milliseconds(20))));
    const auto unread = copy(source, sink);
    EXPECT_EQ(unread.error(), errc::deadline_exceeded);
    EXPECT_LE(unread.error().transferred(), 3U);

    EXPECT_TRUE(source.set_read_deadline(deadline::none()));
    EXPECT_TRUE(feeder.write("defg"));
    EXPECT_TRUE(drain.close());
    const auto unwritten = copy(source, sink);
    EXPECT_EQ(unwritten.error(), std::errc::broken_pipe);
    EXPECT_EQ(unwritten.error().transferred(), 0U);
  });
}

}  // namespace
}  // namespace sluice::io
