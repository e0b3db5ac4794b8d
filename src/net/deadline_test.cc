// deadline_test.cc: deadlines of reads and writes: past, future, moved, cleared, set by others, and
// racing with data.
#include "sluice/deadline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;
using std::chrono::steady_clock;

class Deadline : public net_fixture {
 protected:
  static deadline past() { return steady_clock::now() - 1s; }

  // Starts a read that waits, does `change`, and returns how the read ended.
  template <class F>
  static result<io::chunk> read_while(stream& from, F&& change) {
    park_probe probe;
    fiber reader([&] {
      probe.enter();
      return from.receive();
    });
    probe.await(rt::wait_kind::read);
    change();
    return reader.join().value();
  }

  // Writes until the peer's and our buffers are full and a write has waited for its deadline.
  static std::size_t fill(stream& to) {
    std::size_t sent = 0;
    const std::string block(1 << 16, 'f');
    EXPECT_TRUE(to.set_write_deadline(deadline::in(20ms)));
    for (;;) {
      const auto written = to.write(block);
      sent += written ? *written : written.error().transferred();
      if (written) continue;
      EXPECT_EQ(written.error(), errc::deadline_exceeded);
      return sent;
    }
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Deadline);

TEST_P(Deadline, InThePastFailsAtOnceEvenIfDataIsThere) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_TRUE(pair.client.write("data"));
      EXPECT_TRUE(pair.server.set_read_deadline(past()));
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(pair.server.receive().error(), errc::deadline_exceeded);
      }
      EXPECT_TRUE(pair.server.set_read_deadline(deadline::none()));
      EXPECT_EQ(read_text(pair.server, 4), "data") << "no bytes were lost";

      EXPECT_TRUE(pair.server.set_write_deadline(past()));
      const auto sent = pair.server.write("x");
      EXPECT_EQ(sent.error(), errc::deadline_exceeded);
      EXPECT_EQ(sent.error().transferred(), 0U);
      EXPECT_TRUE(pair.server.set_deadline(deadline::none()));
      EXPECT_TRUE(pair.server.write("y"));
      EXPECT_EQ(read_text(pair.client, 1), "y");
    }
  });
}

TEST_P(Deadline, InTheFutureEndsAReadThatWaitsAndNotBefore) {
  on_fibers([] {
    connected pair = tcp_pair();
    const auto begin = steady_clock::now();
    EXPECT_TRUE(pair.server.set_read_deadline(begin + 30ms));
    const auto got = pair.server.receive();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), errc::deadline_exceeded);
    EXPECT_EQ(got.error(), std::errc::timed_out);
    EXPECT_GE(steady_clock::now(), begin + 30ms);
    EXPECT_EQ(pair.server.receive().error(), errc::deadline_exceeded) << "until a new one is set";

    EXPECT_TRUE(pair.server.set_read_deadline(deadline::in(1h)));
    EXPECT_TRUE(pair.client.write("again"));
    EXPECT_EQ(read_text(pair.server, 5), "again");
  });
}

TEST_P(Deadline, EndsAWriteThatWaitsAndSaysWhatWentOut) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      const std::size_t sent = fill(pair.client);
      EXPECT_EQ(pair.client.write("x").error(), errc::deadline_exceeded);

      // Usable again: what follows stands behind what went out.
      EXPECT_TRUE(pair.client.set_write_deadline(deadline::none()));
      fiber writer([&] {
        EXPECT_TRUE(pair.client.write("the end"));
        EXPECT_TRUE(pair.client.shutdown_write());
      });
      std::size_t got = 0;
      std::string last;
      while (auto chunk = pair.server.receive()) {
        got += chunk->size();
        last += chunk->text();
        last.erase(0, last.size() - std::min<std::size_t>(last.size(), 7));
      }
      EXPECT_EQ(got, sent + 7);
      EXPECT_EQ(last, "the end");
      EXPECT_TRUE(writer.join());
    }
  });
}

TEST_P(Deadline, MovedEarlierByAnotherFiberEndsTheWait) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_TRUE(pair.server.set_read_deadline(deadline::in(1h)));
    const auto soon = read_while(
        pair.server, [&] { EXPECT_TRUE(pair.server.set_read_deadline(deadline::in(5ms))); });
    EXPECT_EQ(soon.error(), errc::deadline_exceeded);
    EXPECT_TRUE(pair.server.set_read_deadline(deadline::none()));
    const auto at_once =
        read_while(pair.server, [&] { EXPECT_TRUE(pair.server.set_read_deadline(past())); });
    EXPECT_EQ(at_once.error(), errc::deadline_exceeded);
  });
}

TEST_P(Deadline, MovedLaterOrClearedWhileAReadWaitsLetsItWait) {
  on_fibers([] {
    connected pair = tcp_pair();
    for (const deadline later : {deadline::in(1h), deadline::none()}) {
      // The first one must not pass before the second is set; a slow machine is given more time.
      for (auto delay = 20ms;; delay *= 4) {
        ASSERT_LT(delay, 60s);
        bool in_time = false;
        EXPECT_TRUE(pair.server.set_read_deadline(deadline::none()));
        const auto got = read_while(pair.server, [&] {
          const auto first = steady_clock::now() + delay;
          EXPECT_TRUE(pair.server.set_read_deadline(first));
          EXPECT_TRUE(pair.server.set_read_deadline(later));
          in_time = steady_clock::now() < first;
          EXPECT_TRUE(sleep_until(first + 20ms));
          EXPECT_TRUE(pair.client.write("late"));
        });
        EXPECT_TRUE(got || !in_time) << got.error();
        if (got) break;
        EXPECT_EQ(read_text(pair.server, 4), "late");
      }
    }
  });
}

TEST_P(Deadline, OfOneDirectionLeavesTheOtherAlone) {
  on_fibers([] {
    connected pair = tcp_pair();
    EXPECT_TRUE(pair.server.set_read_deadline(past()));
    EXPECT_TRUE(pair.server.write("w"));
    EXPECT_EQ(read_text(pair.client, 1), "w");
    EXPECT_TRUE(pair.server.set_read_deadline(deadline::none()));
    EXPECT_TRUE(pair.server.set_write_deadline(past()));
    const auto got = read_while(pair.server, [&] {
      EXPECT_EQ(pair.server.write("x").error(), errc::deadline_exceeded);
      EXPECT_TRUE(pair.client.write("r"));
    });
    EXPECT_EQ(got.value().text(), "r");
  });
}

TEST_P(Deadline, ReachesThoseWhoWaitForTheirTurn) {
  on_fibers([] {
    connected pair = tcp_pair();
    std::vector<park_probe> probes(4);
    std::vector<fiber<>> readers;
    for (park_probe& probe : probes) {
      readers.emplace_back([&] {
        probe.enter();
        EXPECT_EQ(pair.server.receive().error(), errc::deadline_exceeded);
      });
      probe.await(&probe == probes.data() ? rt::wait_kind::read : rt::wait_kind::turn);
    }
    EXPECT_TRUE(pair.server.set_read_deadline(deadline::in(5ms)));
    for (auto& reader : readers) EXPECT_TRUE(reader.join());
  });
}

// One number after the other, in a stream of 4-byte words that deadlines cut anywhere.
class numbered {
 public:
  void push(std::string_view bytes) {
    for (const char byte : bytes) {
      word_ |= std::uint32_t{static_cast<unsigned char>(byte)} << (8 * have_);
      if (++have_ != 4) continue;
      right_ += word_ == next_ ? 1 : 0;
      ++next_;
      word_ = 0;
      have_ = 0;
    }
  }
  [[nodiscard]] std::uint32_t count() const { return next_; }
  [[nodiscard]] std::uint32_t right() const { return right_; }

  static std::string words(std::uint32_t first, std::uint32_t count) {
    std::string text;
    for (std::uint32_t i = first; i < first + count; ++i) {
      for (int shift = 0; shift < 32; shift += 8) text += static_cast<char>(i >> shift);
    }
    return text;
  }

 private:
  std::uint32_t next_ = 0;
  std::uint32_t right_ = 0;
  std::uint32_t word_ = 0;
  unsigned have_ = 0;
};

deadline soon(std::mt19937& random) {
  return deadline::in(std::chrono::microseconds(random() % 300));
}

// Sends everything in spite of deadlines that pass all the time.
void write_stubbornly(stream& to, std::string_view data, std::mt19937& random) {
  while (!data.empty()) {
    EXPECT_TRUE(to.set_write_deadline(soon(random)));
    const auto sent = to.write(data);
    if (!sent) {
      ASSERT_EQ(sent.error(), errc::deadline_exceeded);
    }
    data.remove_prefix(sent ? *sent : sent.error().transferred());
  }
}

// The last word is kept back until the reader has `missed` a deadline: the race takes place however
// fast the machine is.
void write_words(stream& to, std::uint32_t total, const std::atomic<std::uint32_t>& missed) {
  std::mt19937 random(1);
  for (std::uint32_t next = 0; next < total;) {
    while (next == total - 1 && missed.load() == 0) yield();
    const std::uint32_t until = next == total - 1 ? total : total - 1;
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(1 + random() % 2000, until - next));
    write_stubbornly(to, numbered::words(next, count), random);
    next += count;
    if (random() % 4 == 0) yield();
  }
  EXPECT_TRUE(to.shutdown_write());
}

TEST_P(Deadline, RacingWithDataLosesNoByte) {
  const auto total = static_cast<std::uint32_t>(scaled(400'000));
  on_fibers([total] {
    connected pair = tcp_pair();
    EXPECT_TRUE(pair.client.send_buffer_size(4096));
    std::atomic<bool> done{false};
    std::atomic<std::uint32_t> missed{0};
    fiber writer([&] { write_words(pair.client, total, missed); });
    // Others move the reader's deadline besides.
    fiber mover([&] {
      std::mt19937 random(2);
      while (!done.load()) {
        EXPECT_TRUE(pair.server.set_read_deadline(soon(random)));
        yield();
      }
    });
    numbered got;
    std::mt19937 random(3);
    for (;;) {
      const auto chunk = pair.server.receive();
      if (chunk) {
        got.push(chunk->text());
      } else if (chunk.error() == errc::deadline_exceeded) {
        ++missed;
        EXPECT_TRUE(pair.server.set_read_deadline(soon(random)));
      } else {
        EXPECT_EQ(chunk.error(), errc::end_of_stream);
        break;
      }
    }
    done.store(true);
    EXPECT_EQ(got.count(), total);
    EXPECT_EQ(got.right(), total);
    EXPECT_TRUE(writer.join());
    EXPECT_TRUE(mover.join());
  });
}

}  // namespace
}  // namespace sluice::net
