#include "sluice/runtime.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/channel.h"
#include "sluice/debug.h"
#include "sluice/net.h"
#include "sluice/scope.h"
#include "sluice/select.h"
#include "sluice/sync.h"
#include "sluice/task_group.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

class Runtime : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Runtime);

TEST_P(Runtime, ServesAPlainThread) {
  runtime background(options());
  EXPECT_EQ(background.go([] { return 42; }).get().value(), 42);
  EXPECT_TRUE(background.go([] { EXPECT_NE(this_fiber::id(), 0U); }).get());
  const auto fails = []() -> result<int> { return std::unexpected(error(errc::closed)); };
  EXPECT_EQ(background.go(fails).get().error(), errc::closed);
  auto thrown = background.go([]() -> int { throw std::runtime_error("thrown"); });
  EXPECT_THROW((void)thrown.get(), std::runtime_error);
  auto moved = background.go([text = std::make_unique<std::string>("moved")] { return *text; });
  EXPECT_EQ(moved.get().value(), "moved");
  EXPECT_THROW((void)moved.get(), std::logic_error);
}

TEST_P(Runtime, IsLeftWithoutAFiberAndServesAgain) {
  runtime background(options());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(background.go([i] { return i; }).get().value(), i);
    while (background.stats().fibers != 0) std::this_thread::yield();
  }
}

TEST_P(Runtime, TheEndStopsItsFibersAndWaits) {
  std::atomic<int> ended{0};
  {
    channel<int> never_used;
    runtime background(options());
    for (int i = 0; i < 5; ++i) {
      go({.on = &background}, [&] {
        (void)sleep_for(1h);
        shield([&] { EXPECT_TRUE(sleep_for(1ms)); });
        ended.fetch_add(1);
      });
    }
    (void)background.go([&] { ended.fetch_add(never_used.receive() ? 0 : 1); });
    background.request_stop();
    background.request_stop();
    // Those that come now are stopped from their beginning.
    EXPECT_EQ(background.go([] { return sleep_for(1h); }).get().error(), errc::operation_canceled);
  }
  EXPECT_EQ(ended.load(), 6);
}

TEST_P(Runtime, WhatAFiberStartsRunsInItsRuntime) {
  runtime first(options());
  runtime second({.processors = 1});
  const auto spawned = [](const runtime& in) { return in.stats().spawned; };
  const std::uint64_t before = spawned(second);
  EXPECT_TRUE(second
                  .go([] {
                    fiber inner([] { return stats().processors; });
                    EXPECT_EQ(inner.join().value(), 1U);
                    task_group group;
                    group.go([] { EXPECT_EQ(stats().processors, 1U); });
                    EXPECT_TRUE(group.wait());
                  })
                  .get());
  EXPECT_EQ(before, 0U);
  EXPECT_EQ(spawned(second), 3U);
  // Without a name it is the one that has run longest.
  const std::uint64_t there = spawned(first);
  EXPECT_EQ(fiber([] { return 1; }).join().value(), 1);
  EXPECT_EQ(spawned(first) - there, 1U);
}

TEST_P(Runtime, AFiberMayStartOneElsewhereAndJoinIt) {
  runtime other(options());
  const int sum = run(
      [&] {
        fiber there({.on = &other}, [] { return 1; });
        const int first = there.join().value();
        fiber endless({.on = &other}, [] { return sleep_for(1h).has_value() ? 0 : 10; });
        endless.request_stop();
        return first + endless.join().value() + other.go([] { return 100; }).get().value();
      },
      options());
  EXPECT_EQ(sum, 111);
}

TEST_P(Runtime, ChannelsLocksAndSelectReachAcross) {
  const auto count = static_cast<int>(scaled(2000));
  channel<int> there;
  channel<int> back(4);
  mutex guard;
  long both = 0;
  runtime left(options());
  runtime right(options());
  const auto note = [&](int amount) {
    const std::lock_guard held(guard);
    both += amount;
  };
  auto echo = right.go([&] {
    for (int number : there) {
      note(1);
      EXPECT_TRUE(back.send(number));
    }
    back.close();
  });
  auto sum = left.go([&] {
    long seen = 0;
    int sent = 0;
    bool open = true;
    while (open) {
      int number = 0;
      if (sent < count) {
        switch (select(there.sending(sent), back.receiving(number)).value()) {
          case 0:
            if (++sent == count) there.close();
            break;
          default:
            seen += number;
            note(1);
        }
      } else if (const auto got = back.receive()) {
        seen += *got;
        note(1);
      } else {
        open = false;
      }
    }
    return seen;
  });
  EXPECT_EQ(sum.get().value(), static_cast<long>(count) * (count - 1) / 2);
  EXPECT_TRUE(echo.get());
  EXPECT_EQ(both, 2L * count);
}

TEST_P(Runtime, ADeadlineAndAStopReachAcross) {
  channel<int> never_used;
  runtime here(options());
  runtime elsewhere(options());
  auto waits = elsewhere.go([&] { return never_used.receive(); });
  const auto asks = [&] { return with_timeout(1ms, [&] { return waits.get(); }); };
  EXPECT_EQ(here.go(asks).get().error(), errc::deadline_exceeded);
  // It has not been taken, and the one there waits on until it is stopped.
  EXPECT_FALSE(waits.is_done());
  elsewhere.request_stop();
  EXPECT_EQ(waits.get().error(), errc::operation_canceled);
}

TEST_P(Runtime, AGroupMayNameWhereItsTasksRun) {
  channel<int> never_used;
  runtime here(options());
  runtime there({.processors = 3});
  const auto is_there = [] { return stats().processors == 3; };
  const auto in_a_group = [&] {
    task_group group({.limit = 2, .on = &there});
    std::vector<task<bool>> answers;
    for (int i = 0; i < 5; ++i) answers.push_back(group.start(is_there));
    EXPECT_TRUE(group.wait());
    for (task<bool>& each : answers) EXPECT_TRUE(each.get().value());
    first_success<bool> attempts(there);
    attempts.go(is_there);
    EXPECT_TRUE(attempts.wait().value());
  };
  in_a_group();
  EXPECT_TRUE(here.go(in_a_group).get());
  // Scopes and cancellation go with the group, not with the runtime.
  EXPECT_TRUE(here.go([&] {
                    auto cut = with_timeout(5ms, [&] {
                      task_group group({.on = &there});
                      auto waits = group.start([&] { return never_used.receive(); });
                      EXPECT_EQ(group.wait().error(), errc::deadline_exceeded);
                      return shield([&] { return waits.get(); });
                    });
                    EXPECT_FALSE(cut) << "by the deadline, or by the group that met it first";
                    task_group group({.on = &there});
                    auto waits = group.start([&] { return never_used.receive(); });
                    group.cancel();
                    EXPECT_EQ(waits.get().error(), errc::operation_canceled);
                  })
                  .get());
}

TEST_P(Runtime, EachServesItsOwnConnections) {
  const auto rounds = static_cast<int>(scaled(200));
  std::vector<std::unique_ptr<runtime>> all;
  for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<runtime>(options()));
  const auto chat = [rounds] {
    auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
    fiber server([&] {
      auto peer = listener.accept().value();
      std::array<std::byte, 16> buffer;
      while (const auto got = peer.read(buffer)) {
        EXPECT_TRUE(peer.write(std::span(buffer).first(*got)));
      }
    });
    int done = 0;
    {
      auto client = net::dial(net::tcp, listener.local_address().to_string()).value();
      std::array<std::byte, 4> buffer;
      for (int i = 0; i < rounds; ++i) {
        if (!client.write("ping") || !client.read_full(buffer)) break;
        ++done;
      }
    }
    EXPECT_TRUE(server.join());
    return done;
  };
  std::vector<task<int>> chats;
  for (auto& each : all) {
    for (int i = 0; i < 3; ++i) chats.push_back(each->go(chat));
  }
  for (auto& each : chats) EXPECT_EQ(each.get().value(), rounds);
}

// A connection that was made in `in`, with a byte to read at its near end.
struct made_in {
  explicit made_in(runtime& in) {
    const auto connects = [&] {
      auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
      near_end.emplace(net::dial(net::tcp, listener.local_address().to_string()).value());
      far_end.emplace(listener.accept().value());
      EXPECT_TRUE(far_end->write("x"));
    };
    EXPECT_TRUE(in.go(connects).get());
  }
  std::optional<net::stream> near_end;
  std::optional<net::stream> far_end;
};

TEST_P(Runtime, AConnectionBelongsToOne) {
  runtime first(options());
  runtime second(options());
  made_in connection(first);
  std::array<std::byte, 1> buffer;
  const auto reads = [&] { return connection.near_end->read(buffer); };
  EXPECT_EQ(second.go(reads).get().error(), errc::wrong_runtime);
  EXPECT_EQ(second.go([&] { return connection.near_end->write("y"); }).get().error(),
            errc::wrong_runtime);
  // Nothing is lost by that.
  EXPECT_EQ(first.go(reads).get().value_or(0), 1U);
}

TEST_P(Runtime, AConnectionCanBeMoved) {
  runtime first(options());
  runtime second(options());
  made_in connection(first);
  auto& near_end = connection.near_end;
  std::array<std::byte, 1> buffer;
  const auto reads = [&] { return near_end->read(buffer); };
  const auto number = first.go([&] { return near_end->release(); }).get();
  ASSERT_TRUE(number);
  EXPECT_TRUE(second.go([&] { near_end.emplace(net::adopt(*number).value()); }).get());
  EXPECT_EQ(second.go(reads).get().value_or(0), 1U);
  // A fiber that waits there is served by its own.
  auto waits = second.go(reads);
  EXPECT_TRUE(first.go([&] { return connection.far_end->write("z"); }).get());
  EXPECT_EQ(waits.get().value_or(0), 1U);
  EXPECT_EQ(buffer[0], std::byte{0x7a});
}

TEST_P(Runtime, AHandleThatOutlivesItsRuntimeIsAnOrphan) {
  std::optional<net::listener> kept;
  std::optional<net::stream> left;
  runtime stays(options());
  {
    runtime goes(options());
    EXPECT_TRUE(goes.go([&] {
                      kept.emplace(net::listen(net::tcp, "127.0.0.1:0").value());
                      left.emplace(net::dial(net::tcp, kept->local_address().to_string()).value());
                    })
                    .get());
  }
  EXPECT_TRUE(stays
                  .go([&] {
                    EXPECT_EQ(kept->accept().error(), errc::closed);
                    EXPECT_FALSE(left->write("x"));
                    left.reset();
                    kept.reset();
                  })
                  .get());
}

TEST_P(Runtime, DumpsShowAllOfThem) {
  channel<int> never_used;
  runtime first(options());
  runtime second(options());
  auto waits = second.go([&] { return never_used.receive(); });
  while (debug::dump().find("receive") == std::string::npos) std::this_thread::yield();
  EXPECT_NE(debug::dump().find("runtime "), std::string::npos);
  never_used.close();
  EXPECT_EQ(waits.get().error(), errc::closed);
}

TEST_P(Runtime, ComeAndGoWhileOthersRun) {
  const auto rounds = static_cast<int>(scaled(40));
  channel<int> numbers;
  runtime stays(options());
  auto sum = stays.go([&] {
    long all = 0;
    for (int number : numbers) all += number;
    return all;
  });
  std::atomic<int> open{3};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        runtime brief(options());
        for (int j = 0; j < 4; ++j) {
          go({.on = &brief}, [&] { shield([&] { EXPECT_TRUE(numbers.send(1)); }); });
        }
      }
      if (open.fetch_sub(1) == 1) numbers.close();
    });
  }
  EXPECT_EQ(sum.get().value(), 3L * 4 * rounds);
}

TEST(RuntimeLimit, IsNamed) {
  std::vector<std::unique_ptr<runtime>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(std::make_unique<runtime>(run_options{.processors = 1, .monitor = false}));
  }
  EXPECT_THROW(runtime(run_options{.processors = 1}), std::logic_error);
  all.pop_back();
  EXPECT_EQ(runtime({.processors = 1}).go([] { return 1; }).get().value(), 1);
}

using RuntimeDeathTest = Runtime;
SLUICE_INSTANTIATE_WITH_PROCESSORS(RuntimeDeathTest);

TEST_P(RuntimeDeathTest, DestroyedByItsOwnFiberEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto destroyed = [&] {
    auto background = std::make_unique<runtime>(options());
    auto& same = *background;
    (void)same.go([&] { background.reset(); }).get();
  };
  EXPECT_DEATH(destroyed(), "a sluice::runtime was destroyed by one of its own fibers");
}

}  // namespace
}  // namespace sluice
