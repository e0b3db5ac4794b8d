// pipe_test.cc: the connection in memory behaves as a stream does, deadlines included.
#include "sluice/net/pipe.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "sluice/io.h"
#include "testing/error_of.h"
#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;
using std::chrono::steady_clock;

static_assert(io::duplex<pipe_end> && io::chunk_reader<pipe_end>);
static_assert(io::duplex<stream> && io::chunk_reader<stream>);

constexpr std::size_t capacity = std::size_t{64} << 10;

class Pipe : public net_fixture {
 protected:
  static deadline past() { return steady_clock::now() - 1s; }

  static std::string text_from(pipe_end& from) {
    const auto got = from.receive();
    EXPECT_TRUE(got) << got.error();
    return got ? std::string(got->text()) : std::string();
  }

  // Reads until `block` is full.
  static bool fill(std::string& block, pipe_end& from) {
    auto rest = std::as_writable_bytes(std::span(block));
    while (!rest.empty()) {
      const auto got = from.read(rest);
      if (!got) return false;
      rest = rest.subspan(*got);
    }
    return true;
  }

  // Starts `call`, waits until it waits, does `change`, and returns what the call came to.
  template <class Call, class Change>
  static auto during(Call&& call, Change&& change) {
    park_probe probe;
    fiber caller([&] {
      probe.enter();
      return call();
    });
    probe.await(rt::wait_kind::group);
    change();
    return caller.join().value();
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Pipe);

TEST_P(Pipe, WhatIsWrittenAtOneEndIsReadAtTheOther) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_EQ(left.write("to the right").value(), 12U);
    EXPECT_EQ(right.write("to the left").value(), 11U);
    EXPECT_EQ(text_from(right), "to the right");
    EXPECT_EQ(text_from(left), "to the left");
  });
}

TEST_P(Pipe, AReadWaitsForTheFirstByteAndTakesWhatIsThere) {
  on_fibers([] {
    auto [left, right] = pipe();
    std::array<std::byte, 8> buffer;
    const auto got =
        during([&] { return right.read(buffer); }, [&] { EXPECT_TRUE(left.write("abc")); });
    EXPECT_EQ(got.value(), 3U);
    EXPECT_EQ(buffer[2], std::byte{'c'});
  });
}

TEST_P(Pipe, EmptyBuffersReturnAtOnce) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_EQ(right.read({}).value(), 0U);
    EXPECT_EQ(left.write("").value(), 0U);
  });
}

TEST_P(Pipe, TheEndComesAfterTheData) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_TRUE(left.write("last"));
    EXPECT_TRUE(left.shutdown_write());
    EXPECT_EQ(text_from(right), "last");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(right.receive().error(), errc::end_of_stream);
    EXPECT_TRUE(right.write("the other direction goes on"));
    EXPECT_EQ(text_from(left), "the other direction goes on");
  });
}

TEST_P(Pipe, AWriteToAClosedEndIsABrokenPipe) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_TRUE(right.write("what was sent before is still read"));
    EXPECT_TRUE(right.close());
    EXPECT_EQ(left.write("x").error(), std::errc::broken_pipe);
    EXPECT_EQ(text_from(left), "what was sent before is still read");
    EXPECT_EQ(left.receive().error(), errc::end_of_stream);
  });
}

TEST_P(Pipe, AWriterWaitsForAReaderAndSaysHowMuchWentOut) {
  on_fibers([] {
    auto [left, right] = pipe();
    const std::string block(capacity + 1000, 'b');
    const auto sent =
        during([&] { return left.write(block); }, [&] { EXPECT_TRUE(right.close()); });
    EXPECT_EQ(sent.error(), std::errc::broken_pipe);
    EXPECT_EQ(sent.error().transferred(), capacity);
  });
}

TEST_P(Pipe, AWriterThatHasToWaitHasWokenTheReaderBefore) {
  on_fibers([] {
    auto [left, right] = pipe();
    const std::string block(3 * capacity, 'b');
    const auto take = [&right] {
      const auto got = right.receive();
      return got ? got->bytes().size() : 0;
    };
    std::size_t count = 0;
    fiber<> writer;
    count += during(take, [&] {
      writer = fiber<>([&] { EXPECT_EQ(left.write(block).value(), block.size()); });
    });
    while (count < block.size()) count += take();
    EXPECT_EQ(count, block.size());
    EXPECT_TRUE(writer.join());
  });
}

TEST_P(Pipe, ClosingWakesEverybodyAtThatEnd) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_TRUE(left.write(std::string(capacity, 'f')));
    std::vector<park_probe> probes(40);  // more than one batch of wake-ups
    std::vector<fiber<>> users;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      users.emplace_back([&, i] {
        probes[i].enter();
        const error why = i % 2 == 0 ? left.receive().error() : left.write("x").error();
        EXPECT_EQ(why, errc::closed) << why;
      });
      probes[i].await(rt::wait_kind::group);
    }
    EXPECT_TRUE(left.close());
    for (auto& user : users) EXPECT_TRUE(user.join());

    EXPECT_EQ(left.close().error(), errc::closed);
    EXPECT_EQ(left.shutdown_write().error(), errc::closed);
    EXPECT_EQ(left.set_deadline(deadline::none()).error(), errc::closed);
  });
}

TEST_P(Pipe, ADeadlineInThePastFailsAtOnceEvenIfDataIsThere) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_TRUE(left.write("data"));
    EXPECT_TRUE(right.set_read_deadline(past()));
    EXPECT_EQ(right.receive().error(), errc::deadline_exceeded);
    EXPECT_TRUE(right.write("the other direction does not mind"));
    EXPECT_TRUE(right.set_read_deadline(deadline::none()));
    EXPECT_EQ(text_from(right), "data") << "no byte was lost";

    EXPECT_TRUE(right.set_write_deadline(past()));
    EXPECT_EQ(right.write("x").error(), errc::deadline_exceeded);
    EXPECT_TRUE(right.set_deadline(deadline::none()));
    EXPECT_TRUE(right.write("y"));
  });
}

TEST_P(Pipe, ADeadlineBeforeTheClocksStartIsInThePast) {
  on_fibers([] {
    auto [left, right] = pipe();
    EXPECT_TRUE(right.set_read_deadline(time_point::min()));
    EXPECT_EQ(right.receive().error(), errc::deadline_exceeded);
  });
}

TEST_P(Pipe, ADeadlineEndsAReadThatWaitsAndNotBefore) {
  on_fibers([] {
    auto [left, right] = pipe();
    const auto limit = steady_clock::now() + 20ms;
    EXPECT_TRUE(right.set_read_deadline(limit));
    EXPECT_EQ(right.receive().error(), errc::deadline_exceeded);
    EXPECT_GE(steady_clock::now(), limit);
  });
}

TEST_P(Pipe, ADeadlineEndsAWriteThatWaitsAndSaysWhatWentOut) {
  on_fibers([] {
    auto [left, right] = pipe();
    const std::string block(3 * capacity, 'b');
    const auto sent = during([&] { return left.write(block); },
                             [&] { EXPECT_TRUE(left.set_write_deadline(deadline::in(5ms))); });
    EXPECT_EQ(sent.error(), errc::deadline_exceeded);
    EXPECT_EQ(sent.error().transferred(), capacity);
  });
}

TEST_P(Pipe, ADeadlineMovedWhileAReadWaitsCounts) {
  on_fibers([] {
    auto [left, right] = pipe();
    const auto read = [&right] { return right.receive(); };
    const auto early = during(read, [&] { EXPECT_TRUE(right.set_read_deadline(past())); });
    EXPECT_EQ(early.error(), errc::deadline_exceeded);

    EXPECT_TRUE(right.set_read_deadline(deadline::in(1h)));
    const auto cleared = during(read, [&] {
      EXPECT_TRUE(right.set_read_deadline(deadline::none()));
      EXPECT_TRUE(left.write("usable again"));
    });
    EXPECT_EQ(cleared.value().text(), "usable again");
  });
}

TEST_P(Pipe, ARequestToStopEndsTheWait) {
  on_fibers([] {
    auto [left, right] = pipe();
    park_probe probe;
    fiber reader([&] {
      probe.enter();
      return right.receive();
    });
    probe.await(rt::wait_kind::group);
    reader.request_stop();
    EXPECT_EQ(reader.join().value().error(), errc::operation_canceled);
  });
}

TEST_P(Pipe, AMovedFromEndSaysSo) {
  on_fibers([] {
    auto [left, right] = pipe();
    pipe_end taken = std::move(left);
    EXPECT_TRUE(taken.write("x"));
    EXPECT_EQ(left.write("x").error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(left.receive().error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(left.close().error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(left.set_deadline(deadline::none()).error(), std::errc::bad_file_descriptor);
    taken = pipe_end();
    EXPECT_EQ(text_from(right), "x");
    EXPECT_EQ(right.receive().error(), errc::end_of_stream) << "assigning to an end closes it";
  });
}

TEST_P(Pipe, ManyWritersAndReadersLoseNoByte) {
  const auto each = static_cast<std::size_t>(scaled(200));
  on_fibers([each] {
    auto [left, right] = pipe();
    const std::string block(997, 'w');
    std::vector<fiber<>> writers;
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&] {
        for (std::size_t n = 0; n < each; ++n) EXPECT_EQ(left.write(block).value(), block.size());
      });
    }
    std::atomic<std::size_t> received{0};
    std::vector<fiber<>> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        auto got = right.receive();
        for (; got; got = right.receive()) received.fetch_add(got->bytes().size());
        EXPECT_EQ(got.error(), errc::end_of_stream);
      });
    }
    for (auto& writer : writers) EXPECT_TRUE(writer.join());
    EXPECT_TRUE(left.shutdown_write());
    for (auto& reader : readers) EXPECT_TRUE(reader.join());
    EXPECT_EQ(received.load(), 4 * each * block.size());
  });
}

TEST_P(Pipe, WritesThatAreLongerThanThePipeDoNotInterleave) {
  constexpr std::size_t length = 3 * capacity + 17;
  const std::int64_t each = scaled(20);
  on_fibers([each] {
    auto [left, right] = pipe();
    std::vector<fiber<>> writers;
    for (const char letter : {'a', 'b', 'c'}) {
      writers.emplace_back([&, letter] {
        const std::string block(length, letter);
        for (std::int64_t n = 0; n < each; ++n) EXPECT_TRUE(left.write(block));
      });
    }
    std::string block(length, '\0');
    for (std::int64_t n = 0; n < 3 * each; ++n) {
      ASSERT_TRUE(fill(block, right));
      EXPECT_EQ(block.find_first_not_of(block.front()), block.npos) << "two writes are mixed";
    }
    for (auto& writer : writers) EXPECT_TRUE(writer.join());
  });
}

TEST_P(Pipe, WhoWaitsForATurnIsWokenByWhatEndsAWrite) {
  on_fibers([] {
    auto [left, right] = pipe();
    const std::string block(2 * capacity, 'b');
    park_probe probe;
    fiber first([&] {
      probe.enter();
      return left.write(block);
    });
    probe.await(rt::wait_kind::group);
    const auto second = [&left] { return left.write("x"); };
    {
      park_probe waiting;
      fiber stopped([&] {
        waiting.enter();
        return second();
      });
      waiting.await(rt::wait_kind::group);
      stopped.request_stop();
      const auto outcome = stopped.join().value();
      EXPECT_EQ(error_of(outcome), errc::operation_canceled);
      EXPECT_EQ(error_of(outcome).transferred(), 0U);
    }
    const auto broken = during(second, [&] { EXPECT_TRUE(right.close()); });
    EXPECT_EQ(error_of(broken), std::errc::broken_pipe);
    EXPECT_EQ(error_of(broken).transferred(), 0U);
    EXPECT_EQ(error_of(first.join().value()).transferred(), capacity);
  });
}

TEST_P(Pipe, AThreadAndAFiberTalkThroughIt) {
  auto [left, right] = pipe();
  std::thread outside([&end = left] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(end.write("ping"));
      const auto answer = end.receive();
      ASSERT_TRUE(answer) << answer.error();
      EXPECT_EQ(answer->text(), "pong");
    }
    EXPECT_TRUE(end.shutdown_write());
  });
  on_fibers([&end = right] {
    while (auto asked = end.receive()) {
      EXPECT_EQ(asked->text(), "ping");
      EXPECT_TRUE(end.write("pong"));
    }
  });
  outside.join();
}

}  // namespace
}  // namespace sluice::net
