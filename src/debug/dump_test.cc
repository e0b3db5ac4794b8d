#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sched/monitor.h"
#include "sluice/channel.h"
#include "sluice/debug.h"
#include "sluice/runtime.h"
#include "sluice/scope.h"
#include "sluice/select.h"
#include "sluice/sync.h"
#include "testing/count_of.h"
#include "testing/net_fixture.h"

namespace sluice {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Dump : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Dump);

#define EXPECT_CONTAINS(text, piece) \
  EXPECT_NE((text).find(piece), std::string::npos) << "no \"" << (piece) << "\" in:\n" << (text)

TEST_P(Dump, SaysWhatEachFiberWaitsForAndWhereItWasSpawned) {
  on_fibers([] {
    connected pair = tcp_pair();
    auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
    channel<int> numbers;
    mutex held;
    held.lock();
    std::vector<park_probe> probes(5);
    std::vector<fiber<>> fibers;
    const auto start = [&](std::size_t which, auto wait) {
      fibers.push_back(fiber([&, which, wait] {
        probes[which].enter();
        wait();
      }));
    };
    start(0, [&] { (void)pair.server.receive(); });
    start(1, [&] { (void)listener.accept(); });
    start(2, [&] { (void)numbers.receive(); });
    start(3, [&] {
      if (held.lock_or_stop()) held.unlock();
    });
    start(4, [&] {
      this_fiber::set_name("sleeper");
      (void)sleep_for(1h);
    });
    const rt::wait_kind kinds[] = {rt::wait_kind::read, rt::wait_kind::accept,
                                   rt::wait_kind::receive, rt::wait_kind::lock,
                                   rt::wait_kind::sleep};
    for (std::size_t i = 0; i < probes.size(); ++i) probes[i].await(kinds[i]);

    for (const bool each : {false, true}) {
      const std::string text = debug::dump({.each = each});
      EXPECT_CONTAINS(text, "read " + pair.server.local_address().to_string() + "\u2190" +
                                pair.server.remote_address().to_string());
      EXPECT_CONTAINS(text, "accept " + listener.local_address().to_string());
      EXPECT_CONTAINS(text, ": receive 0x");
      EXPECT_CONTAINS(text, ": lock 0x");
      EXPECT_CONTAINS(text, " held by fiber " + std::to_string(this_fiber::id()));
      EXPECT_CONTAINS(text, "\"sleeper\": sleep, for ");
      EXPECT_CONTAINS(text, "until in 3");
      EXPECT_CONTAINS(text, "fiber " + std::to_string(this_fiber::id()) + " \"main\": running, ");
      EXPECT_CONTAINS(text, "dump_test.cc:");
      EXPECT_CONTAINS(text, "of 192 KiB");
      for (const auto& one : fibers) EXPECT_CONTAINS(text, "fiber " + std::to_string(one.id()));
    }
    held.unlock();
  });
}

// Who is named may have ended, and all that it was with it.
TEST_P(Dump, NamesAHolderWhoIsGone) {
  static mutex* const never_unlocked = new mutex;
  static std::once_flag once;
  std::call_once(once, [] {
    runtime there({.processors = 1});
    EXPECT_TRUE(there.go([] { never_unlocked->lock(); }).get());
  });
  on_fibers([] {
    park_probe probe;
    fiber waiter([&] {
      probe.enter();
      return never_unlocked->lock_or_stop().has_value();
    });
    probe.await(rt::wait_kind::lock);
    EXPECT_CONTAINS(debug::dump(), " held by fiber ");
    waiter.request_stop();
    EXPECT_FALSE(waiter.join().value());
  });
}

// Whoever is looked at is woken all the same, and its values are right.
TEST_P(Dump, BacktracesLoseNoWakeUp) {
  const auto rounds = static_cast<int>(scaled(300));
  std::atomic<bool> over{false};
  on_fibers([&] {
    channel<int> there;
    channel<int> back;
    fiber<> echo([&] {
      for (const int each : there) EXPECT_TRUE(back.send(each));
      back.close();
    });
    std::jthread looker([&] {
      while (!over.load()) (void)debug::dump({.each = true, .backtraces = true});
    });
    for (int i = 0; i < rounds; ++i) {
      EXPECT_TRUE(there.send(i));
      EXPECT_EQ(back.receive().value(), i);
      EXPECT_EQ(with_timeout(10us, [&] { return back.receive(); }).error(),
                errc::deadline_exceeded);
    }
    there.close();
    EXPECT_TRUE(echo.join());
    over.store(true);
  });
}

TEST_P(Dump, CountsThoseThatWaitAlike) {
  const auto many = static_cast<std::size_t>(scaled(20'000));
  on_fibers([many] {
    event release;
    wait_group begun;
    wait_group ended;
    begun.add(many);
    ended.add(many);
    for (std::size_t i = 0; i < many; ++i) {
      go([&] {
        begun.done();
        release.wait();
        ended.done();
      });
    }
    begun.wait();
    yield();
    const std::string text = debug::dump();
    EXPECT_LT(text.size(), 4096U) << text;
    EXPECT_CONTAINS(text, "fibers: " + std::to_string(many + 1) + ", processors: ");
    const std::string all = debug::dump({.each = true});
    EXPECT_EQ(count_of(all, "\n"), many + 1);
    release.set();
    ended.wait();
  });
}

TEST_P(Dump, FromAPlainThreadAndWithoutARuntime) {
  EXPECT_EQ(debug::dump(), "no runtime is running\n");
  std::atomic<bool> over{false};
  std::jthread looker([&] {
    std::size_t seen = 0;
    while (!over.load()) seen += debug::dump().size();
    EXPECT_GT(seen, 0U);
  });
  for (int i = 0; i < 20; ++i) {
    on_fibers([] {
      std::vector<fiber<>> fibers;
      for (int j = 0; j < 50; ++j) fibers.emplace_back([] { (void)sleep_for(10us); });
      for (auto& each : fibers) EXPECT_TRUE(each.join());
      std::ostringstream out;
      debug::dump(out);
      EXPECT_CONTAINS(out.str(), "fiber ");
    });
  }
  over.store(true);
}

class Deadlock : public net_fixture {
 protected:
  static run_options always() {
    run_options chosen = options();
    chosen.deadlocks = deadlock_reports::always;
    return chosen;
  }
  static auto ends_with_report() { return ::testing::ExitedWithCode(2); }
  void SetUp() override {
    net_fixture::SetUp();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Deadlock);
using DeadlockDeathTest = Deadlock;
SLUICE_INSTANTIATE_WITH_PROCESSORS(DeadlockDeathTest);

TEST_P(DeadlockDeathTest, IsReportedWithEveryFiberAndEndsTheProgram) {
  EXPECT_EXIT(run(
                  [] {
                    channel<int> nobody_sends;
                    fiber other([&] { (void)nobody_sends.receive(); });
                    (void)other.join();
                  },
                  always()),
              ends_with_report(),
              AllOf(HasSubstr("sluice: all fibers are asleep - deadlock!"), HasSubstr("fibers: 2,"),
                    HasSubstr(": receive 0x"), HasSubstr("\"main\": join fiber 2")));
}

TEST_P(DeadlockDeathTest, IsWhatASelectWithoutCasesIs) {
  EXPECT_EXIT(run([] { (void)select(); }, always()), ends_with_report(), ": select");
}

// Calls `then` on a plain thread once the monitor has fallen asleep, before which it has looked.
template <class Then>
std::jthread when_looked(Then then) {
  return std::jthread([then] {
    while (!rt::current_runtime()->watcher()->is_asleep()) std::this_thread::sleep_for(1ms);
    then();
  });
}

// Three fibers in a circle of two mutexes and a join, beside one that waits for a client. Returns
// once the monitor has searched `times` times.
void run_with_a_circle(const run_options& how, int times) {
  std::jthread looker;
  run(
      [&] {
        auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
        mutex first;
        mutex second;
        event over;
        event taken;
        fiber joined([&] {
          const std::lock_guard held(first);
          taken.wait();
          if (second.lock_or_stop()) second.unlock();
        });
        fiber acceptor([&] { (void)listener.accept(); });
        fiber joins([&] {
          const std::lock_guard held(second);
          taken.set();
          (void)joined.join();
        });
        looker = std::jthread([&] {
          rt::monitor& watcher = *rt::current_runtime()->watcher();
          for (int i = 0; i < times; ++i) {
            while (!watcher.is_asleep()) std::this_thread::sleep_for(1ms);
            if (i + 1 < times) watcher.wake();
          }
          over.set();
        });
        over.wait();
        joined.request_stop();
        acceptor.request_stop();
        EXPECT_TRUE(joins.join());
        std::fputs("went on\n", stderr);
      },
      how);
  std::_Exit(0);
}

TEST_P(DeadlockDeathTest, OfAPartIsReportedOnceAndTheRestGoesOn) {
  const auto circles = [](const std::string& text) { return count_of(text, "in a circle"); };
  EXPECT_EXIT(
      run_with_a_circle(options(), 2), ::testing::ExitedWithCode(0),
      AllOf(::testing::ResultOf(circles, 1U), HasSubstr(" held by fiber "),
            HasSubstr(": join fiber "), HasSubstr("went on"), ::testing::Not(HasSubstr("accept"))));
}

TEST_P(DeadlockDeathTest, OfAPartIsNotLookedForWhereThatIsSwitchedOff) {
  run_options never = options();
  never.deadlocks = deadlock_reports::never;
  EXPECT_EXIT(run_with_a_circle(never, 1), ::testing::ExitedWithCode(0),
              AllOf(HasSubstr("went on"), ::testing::Not(HasSubstr("circle"))));
}

TEST_P(Deadlock, IsNoneWhileSomebodyWaitsForADescriptor) {
  event over;
  std::jthread looker;
  run(
      [&] {
        auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
        fiber acceptor([&] { (void)listener.accept(); });
        looker = when_looked([&] { over.set(); });
        over.wait();
      },
      always());
}

TEST_P(Deadlock, IsNoneWhileSomebodyWaitsForATime) {
  event over;
  std::jthread looker;
  run(
      [&] {
        fiber sleeper([] { (void)sleep_for(1h); });
        looker = when_looked([&] { over.set(); });
        over.wait();
      },
      always());
}

TEST_P(Deadlock, IsNoneWhileThereIsAThreadThatIsNotOurs) {
  event over;
  std::jthread looker;
  run(
      [&] {
        looker = when_looked([&] { over.set(); });
        over.wait();
      },
      options());
}

}  // namespace
}  // namespace sluice
