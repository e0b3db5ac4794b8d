#include "sluice/trace.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <locale>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "sluice/channel.h"
#include "sluice/runtime.h"
#include "testing/count_of.h"
#include "testing/net_fixture.h"

namespace sluice {
namespace {

using namespace testing;

class Trace : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Trace);

// Without the text, which is long.
void expect_in(std::string_view text, std::initializer_list<std::string> pieces) {
  for (const std::string& each : pieces) EXPECT_NE(text.find(each), text.npos) << each;
}

std::string written(debug::trace& recorded) {
  std::ostringstream out;
  recorded.write(out);
  return out.str();
}

// So many balls there and back between two fibers.
void play(int rounds) {
  channel<int> there;
  channel<int> back;
  fiber<> echo({.name = "echo \"1\""}, [&] {
    for (const int each : there) EXPECT_TRUE(back.send(each));
  });
  for (int i = 0; i < rounds; ++i) {
    EXPECT_TRUE(there.send(i));
    EXPECT_TRUE(back.receive());
  }
  there.close();
  EXPECT_TRUE(echo.join());
}

TEST_P(Trace, ShowsWhoRanAndWhyItLeftAndWhoWokeWhom) {
  on_fibers([] {
    debug::trace recorded;
    play(100);
    yield();
    const std::string text = written(recorded);
    EXPECT_EQ(recorded.lost(), 0U);
    EXPECT_GT(recorded.events(), 400U);
    expect_in(text, {"\"leaves for\":\"its end\"", "trace_test.cc:", "echo \\\"1\\\"",
                     "\"by\":\"fiber 1 main\""});
    EXPECT_GE(
        count_of(text, "\"leaves for\":\"receive\"") + count_of(text, "\"leaves for\":\"send\""),
        100U);
    EXPECT_EQ(count_of(text, "\"ph\":\"s\""), count_of(text, "\"ph\":\"f\""));
  });
}

TEST_P(Trace, ShowsPollsCallsAndTimers) {
  on_fibers([] {
    connected pair = tcp_pair();
    debug::trace recorded;
    fiber<> peer([&] {
      while (auto chunk = pair.server.receive()) EXPECT_TRUE(pair.server.write(*chunk));
    });
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(pair.client.write("x"));
      EXPECT_TRUE(pair.client.receive());
    }
    // A time that has come before its fiber had left is none that the timers wake.
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(sleep_for(2ms));
    pair.client = {};
    EXPECT_TRUE(peer.join());
    const std::string text = written(recorded);
    expect_in(text, {"\"name\":\"timers\"", "poll", "\"reports\":"});
  });
}

TEST_P(Trace, KeepsTheLastEventsAndCountsTheRest) {
  on_fibers([] {
    debug::trace recorded({.events = 64});
    play(1'000);
    recorded.stop();
    EXPECT_GT(recorded.lost(), 1'000U);
    EXPECT_LE(recorded.events(), 64U * (stats().processors + 1));
    const std::uint64_t before = recorded.events();
    play(10);
    recorded.stop();
    EXPECT_EQ(recorded.events(), before) << "it has stopped";
    expect_in(written(recorded), {"\"lost\":" + std::to_string(recorded.lost())});
  });
}

TEST_P(Trace, OneAtATimeInARuntime) {
  EXPECT_THROW(debug::trace(), std::logic_error) << "without a runtime";
  on_fibers([] {
    std::optional<debug::trace> first;
    first.emplace();
    EXPECT_THROW(debug::trace(), std::logic_error);
    first.reset();
    debug::trace second;
    play(1);
    second.stop();
    EXPECT_GT(second.events(), 0U);
    const debug::trace third;
  });
}

// The one that keeps its processor is the one that is looked for.
TEST_P(Trace, ShowsWhoRunsAllTheWhile) {
  on_fibers([] {
    debug::trace recorded;
    const std::string text = written(recorded);
    expect_in(text, {"fiber 1 main", "\"still runs\":true"});
  });
}

// JSON is JSON, whatever the stream has been told.
TEST_P(Trace, IsWrittenWithoutAnybodysLocale) {
  struct grouping : std::numpunct<char> {
    [[nodiscard]] char do_thousands_sep() const override { return ','; }
    [[nodiscard]] std::string do_grouping() const override { return "\1"; }
  };
  on_fibers([] {
    debug::trace recorded;
    play(100);
    const std::string plain = written(recorded);
    std::ostringstream odd;
    odd.imbue(std::locale(std::locale::classic(), new grouping));
    odd << std::hex << std::showbase;
    odd.width(9);
    recorded.write(odd);
    EXPECT_TRUE(odd.str() == plain);
  });
}

TEST_P(Trace, TheNextOneBeginsWithNothing) {
  on_fibers([] {
    for (int i = 0; i < 3; ++i) {
      debug::trace long_one;
      play(100);
      long_one.stop();
      EXPECT_GT(long_one.events(), 400U);
      debug::trace short_one;
      short_one.stop();
      EXPECT_LT(short_one.events(), 100U);
      EXPECT_EQ(short_one.lost(), 0U);
    }
  });
}

// Also from a plain thread, whose wake-ups have a track of their own.
TEST_P(Trace, MayOutliveItsRuntime) {
  std::optional<debug::trace> recorded;
  {
    runtime there(options());
    recorded.emplace();
    EXPECT_EQ(there.go([] { return 1; }).get().value(), 1);
  }
  expect_in(written(*recorded), {"other threads", "\"by\":\"no fiber\""});
}

// Traces come and go while fibers run and threads wake them.
TEST_P(Trace, BeginsAndEndsWhileOthersRun) {
  const auto rounds = static_cast<int>(scaled(200));
  channel<int> from_outside(16);
  runtime there(options());
  auto sum = there.go([&] {
    int all = 0;
    for (const int each : from_outside) all += each;
    return all;
  });
  auto game = there.go([&] { play(rounds * 10); });
  std::jthread sender([&] {
    for (int i = 0; i < rounds; ++i) EXPECT_TRUE(from_outside.send(1));
    from_outside.close();
  });
  for (int i = 0; i < rounds / 4 + 1; ++i) {
    debug::trace recorded({.events = 256});
    (void)there.go([] {}).get();
    EXPECT_FALSE(written(recorded).empty());
  }
  EXPECT_TRUE(game.get());
  EXPECT_EQ(sum.get().value(), rounds);
}

}  // namespace
}  // namespace sluice
