#include "sluice/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <source_location>
#include <string_view>
#include <thread>
#include <vector>

#include "fiber/stack_pool.h"
#include "os/clock.h"
#include "os/socket.h"
#include "sched/park.h"
#include "sluice/channel.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice {
namespace {

using namespace testing;
using debug::fiber_metrics;
using debug::metrics;
using debug::runtime_metrics;
using debug::time_histogram;

class Metrics : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Metrics);

std::uint64_t waiting_for(const fiber_metrics& fibers, std::string_view what) {
  std::uint64_t found = 0;
  for (const auto& each : fibers.waiting) {
    if (each.what == what) found += each.fibers;
  }
  return found;
}

std::uint64_t waiting(const fiber_metrics& fibers) {
  return fibers.count() - fibers.running - fibers.runnable;
}

// The figures of the fibers that were spawned in this line of this file.
debug::spawn_place at_line(const fiber_metrics& fibers, std::uint32_t line) {
  for (const auto& each : fibers.places) {
    if (each.line == line && each.file.ends_with("metrics_test.cc")) return each;
  }
  return {};
}

// Fibers that wait to receive, until destroyed; all of them have parked.
class receivers {
 public:
  explicit receivers(std::size_t count) : probes_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      fibers_.push_back(fiber([this, i] {
        probes_[i].enter();
        (void)numbers_.receive();
      }));
    }
    for (const park_probe& each : probes_) each.await(rt::wait_kind::receive);
  }
  ~receivers() {
    numbers_.close();
    for (auto& each : fibers_) EXPECT_TRUE(each.join());
  }
  receivers(const receivers&) = delete;
  receivers& operator=(const receivers&) = delete;

 private:
  channel<int> numbers_;
  std::vector<park_probe> probes_;
  std::vector<fiber<>> fibers_;
};

TEST(TimeHistogram, EachBucketEndsWhereItsLimitIs) {
  using std::chrono::nanoseconds;
  EXPECT_EQ(time_histogram::bucket_of(0ns), 0U);
  EXPECT_EQ(time_histogram::limit_of(0), 256ns);
  for (std::size_t i = 0; i + 1 < time_histogram::buckets; ++i) {
    const nanoseconds limit = time_histogram::limit_of(i);
    EXPECT_EQ(time_histogram::bucket_of(limit), i);
    EXPECT_EQ(time_histogram::bucket_of(limit + 1ns), i + 1);
  }
  EXPECT_EQ(time_histogram::limit_of(time_histogram::buckets - 1), nanoseconds::max());
  EXPECT_EQ(time_histogram::bucket_of(nanoseconds::max()), time_histogram::buckets - 1);
}

TEST_P(Metrics, AreAllZeroWithoutARuntime) {
  const runtime_metrics none = metrics();
  EXPECT_EQ(none.processors, 0U);
  EXPECT_EQ(none.threads, 0U);
  EXPECT_EQ(none.spawned, 0U);
  EXPECT_EQ(none.poller, "");
  EXPECT_FALSE(none.by_fiber);
}

TEST_P(Metrics, CountFibersByWhatTheyWaitFor) {
  on_fibers([] {
    mutex held;
    held.lock();
    park_probe probe;
    fiber locker([&] {
      probe.enter();
      if (held.lock_or_stop()) held.unlock();
    });
    probe.await(rt::wait_kind::lock);
    {
      const receivers seven(7);
      const runtime_metrics now = metrics();
      ASSERT_TRUE(now.by_fiber);
      EXPECT_EQ(waiting_for(*now.by_fiber, "receive"), 7U);
      EXPECT_EQ(waiting_for(*now.by_fiber, "lock"), 1U);
      EXPECT_EQ(waiting(*now.by_fiber), 8U);
      EXPECT_EQ(now.by_fiber->running, 1U);
      EXPECT_EQ(now.by_fiber->runnable, 0U);
      // Whoever waits has parked once more than it was woken.
      EXPECT_EQ(now.parks - now.wakes, 8U);
      // A worker that falls asleep gives back its share of the count a moment later.
      while (metrics().fibers != 9) yield();
    }
    EXPECT_FALSE(metrics({.by_fiber = false}).by_fiber);
    held.unlock();
    EXPECT_TRUE(locker.join());
  });
}

TEST_P(Metrics, EveryParkEndsWithOneWakeWhoeverWakes) {
  on_fibers([] {
    channel<int> numbers;
    std::jthread sender([&] {  // a plain thread
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(numbers.send(i));
    });
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(numbers.receive());
    sender.join();
    for (int i = 0; i < 20; ++i) (void)sleep_for(10us);
    connected pair = tcp_pair();
    fiber echo([&] {
      while (auto chunk = pair.server.receive()) (void)pair.server.write(*chunk);
    });
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(pair.client.write(bytes_of("hello")));
      EXPECT_EQ(read_text(pair.client, 5), "hello");
    }
    (void)pair.client.close();
    EXPECT_TRUE(echo.join());
    // A joined fiber may still be on its way out.
    while (metrics().by_fiber->count() != 1) yield();
    const runtime_metrics now = metrics();
    EXPECT_EQ(now.parks, now.wakes);
    EXPECT_GT(now.parks, 0U);
    EXPECT_GT(now.reports, 0U);
    EXPECT_GE(now.switches, now.parks);
  });
}

TEST_P(Metrics, CountEverySpawn) {
  on_fibers([] {
    EXPECT_EQ(metrics().spawned, 1U);  // this one
    wait_group ended;
    ended.add(300);
    for (int i = 0; i < 200; ++i) go([&] { ended.done(); });
    std::jthread outsider([&] {
      for (int i = 0; i < 100; ++i) go([&] { ended.done(); });
    });
    ended.wait();
    EXPECT_EQ(metrics().spawned, 301U);
    EXPECT_EQ(stats().spawned, 301U);
  });
}

TEST_P(Metrics, CountThreadsProcessorsAndStacks) {
  for (const bool monitor : {false, true}) {
    run_options chosen = options();
    chosen.monitor = monitor;
    run(
        [&] {
          const receivers hundred(100);
          const runtime_metrics now = metrics();
          EXPECT_EQ(now.processors, chosen.processors);
          EXPECT_EQ(now.threads, chosen.processors + (monitor ? 1U : 0U));
          EXPECT_EQ(now.poller, stats().poller);
          EXPECT_GE(now.stacks, 101U);
          EXPECT_GE(now.stack_space, 101U * rt::default_stack_size);
          EXPECT_LE(now.warm_stacks, now.stacks);
        },
        chosen);
  }
}

#ifndef SLUICE_MIGRATE  // there, fibers are sent round, and nobody steals

TEST_P(Metrics, CountSteals) {
  on_fibers([] {
    if (GetParam() == 1) {
      for (int i = 0; i < 100; ++i) go([] {});
      yield();
      EXPECT_EQ(metrics().steals, 0U);
      return;
    }
    std::atomic<int> ran{0};
    for (int i = 0; i < 2; ++i) go([&] { ran.fetch_add(1); });
    while (ran.load() != 2) {  // this fiber does not leave, so another worker takes both
    }
    EXPECT_GE(metrics().steals, 2U);
  });
}

TEST_P(Metrics, CountSleepsAndWakeUps) {
  on_fibers([] {
    std::uint64_t before = metrics().sleeps;
    while (metrics().sleeps == before) (void)sleep_for(1ms);
    before = metrics().wakeups;
    while (metrics().wakeups == before) {
      channel<int> numbers;
      std::jthread sender([&] { (void)numbers.send(1); });
      (void)numbers.receive();
    }
  });
}

#endif

TEST_P(Metrics, CountReadsThatWaitWithoutTrying) {
  on_fibers([] {
    auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
    const raw_socket client = raw_socket::connect(listener.local_address());
    if (!os::describe_socket(client.fd()).value().short_read_drains) {
      GTEST_SKIP() << "every read is tried here";
    }
    net::stream server = listener.accept().value();
    fiber reader([&] {
      while (server.receive()) {
      }
    });
    do {  // once the reader has what was sent, its next read need not be tried
      client.send("hello");
      yield();
    } while (metrics().spared_reads == 0);
    client.shutdown_write();
    EXPECT_TRUE(reader.join());
  });
}

TEST_P(Metrics, CountHowLateEachTimerFires) {
  on_fibers([] {
    const time_histogram before = metrics().timer_lateness;
    for (int i = 0; i < 50; ++i) {
      rt::parker& self = rt::this_parker();
      rt::park_begin(self, {.kind = rt::wait_kind::sleep, .until = os::monotonic_now() + 1'000});
      EXPECT_EQ(rt::park(self), rt::wake_reason::deadline);
    }
    const time_histogram after = metrics().timer_lateness;
    EXPECT_EQ(after.count() - before.count(), 50U);
    EXPECT_GE(after.sum, before.sum);
  });
}

TEST_P(Metrics, SampleHowLongTheQueueIs) {
  on_fibers([] {
    std::atomic<bool> over{false};
    fiber other([&] {
      while (!over.load()) yield();
    });
    while (metrics({.by_fiber = false}).queue_delay.count() < 3) yield();
    over.store(true);
    EXPECT_TRUE(other.join());
  });
}

constexpr std::size_t deep_frame = std::size_t{96} << 10;

// Waits below a frame of that size.
[[gnu::noinline]] void wait_in_the_deep(park_probe& probe, event& release) {
  std::array<char, deep_frame> frame;
  char* volatile kept = frame.data();  // so that the compiler keeps all of it
  *kept = 1;
  probe.enter();
  release.wait();
  *kept = 2;
}

TEST_P(Metrics, SayHowFullTheStacksOfASpawnPlaceAre) {
  on_fibers([] {
    event release;
    std::array<park_probe, 3> probes;
    std::vector<fiber<>> fibers;
    const auto wait_flat = [&](std::size_t which) {
      probes[which].enter();
      release.wait();
    };
    const std::uint32_t line = std::source_location::current().line();
    fibers.push_back(fiber([&] { wait_in_the_deep(probes[0], release); }));
    for (const std::size_t i : {1U, 2U}) fibers.push_back(fiber([&, i] { wait_flat(i); }));
    for (const park_probe& each : probes) each.await(rt::wait_kind::event);
    const fiber_metrics now = metrics().by_fiber.value();
    const debug::spawn_place deep = at_line(now, line + 1);
    const debug::spawn_place flat = at_line(now, line + 2);
    EXPECT_EQ(deep.fibers, 1U);
    EXPECT_EQ(flat.fibers, 2U);
    EXPECT_GT(deep.stack_used, deep_frame);
    EXPECT_LT(deep.stack_used, deep.stack_size);
    EXPECT_LT(flat.stack_used, deep.stack_used);
    EXPECT_GT(flat.stack_used, 0U);
    release.set();
    for (auto& each : fibers) EXPECT_TRUE(each.join());
  });
}

TEST_P(Metrics, ListNoMorePlacesThanTheyPromise) {
  on_fibers([] {
    constexpr std::uint32_t count = 300;
    event release;
    std::vector<park_probe> probes(count);
    std::vector<fiber<>> fibers;
    fibers.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      fibers.push_back(fiber([&, i] {
        rt::this_fiber_or_null()->spawn_line = 1'000'000 + i;
        probes[i].enter();
        release.wait();
      }));
    }
    for (const park_probe& each : probes) each.await(rt::wait_kind::event);
    const fiber_metrics now = metrics().by_fiber.value();
    EXPECT_EQ(now.places.size(), fiber_metrics::most_places);
    EXPECT_EQ(now.elsewhere, count + 1 - fiber_metrics::most_places);
    EXPECT_EQ(now.count(), count + 1);
    release.set();
    for (auto& each : fibers) EXPECT_TRUE(each.join());
  });
}

// All that may only grow.
std::vector<std::uint64_t> growing(const runtime_metrics& of) {
  std::vector<std::uint64_t> all{of.spawned, of.parks,        of.wakes,         of.switches,
                                 of.steals,  of.polls,        of.reports,       of.sleeps,
                                 of.wakeups, of.spared_reads, of.monitor_looks, of.stacks};
  for (const time_histogram& each : {of.timer_lateness, of.queue_delay}) {
    all.insert(all.end(), each.counts.begin(), each.counts.end());
    all.push_back(static_cast<std::uint64_t>(each.sum.count()));
  }
  return all;
}

// One round of everything that is counted.
void be_busy() {
  channel<int> numbers;
  fiber receiver([&] {
    while (numbers.receive()) yield();
  });
  for (int i = 0; i < 10; ++i) (void)numbers.send(i);
  numbers.close();
  (void)sleep_for(1us);
  (void)receiver.join();
}

TEST_P(Metrics, NeverFallSeenFromAPlainThreadWhileFibersWork) {
  const auto looks = scaled(5'000, 1'000);
  on_fibers([looks] {
    std::atomic<bool> seen{false};
    std::jthread looker([&] {
      std::vector<std::uint64_t> before = growing(metrics());
      for (std::int64_t i = 0; i < looks; ++i) {
        const std::vector<std::uint64_t> now = growing(metrics());
        for (std::size_t j = 0; j < now.size(); ++j) EXPECT_GE(now[j], before[j]) << j;
        before = now;
      }
      seen.store(true);
    });
    while (!seen.load()) be_busy();
  });
}

TEST_P(Metrics, MayBeAskedForWhileARuntimeStartsAndEnds) {
  std::atomic<bool> over{false};
  std::jthread looker([&] {
    while (!over.load()) {
      const runtime_metrics now = metrics();
      EXPECT_EQ(now.processors == 0, !now.by_fiber);
    }
  });
  for (int i = 0; i < 20; ++i) on_fibers([] { be_busy(); });
  over.store(true);
}

}  // namespace
}  // namespace sluice
