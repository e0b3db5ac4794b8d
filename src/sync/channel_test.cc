#include "sluice/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/crowd.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::crowd;
using testing::park_probe;
class Channel : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Channel);

using boxed = std::unique_ptr<std::int64_t>;
boxed box(std::int64_t value) { return std::make_unique<std::int64_t>(value); }

// Values that are copied, and values that are moved: the channel has a way of its own for each.
std::int64_t number_of(std::int64_t value) { return value; }
std::int64_t number_of(const boxed& value) { return *value; }
template <class T>
T make_value(std::int64_t number) {
  if constexpr (std::is_same_v<T, boxed>) {
    return box(number);
  } else {
    return number;
  }
}

TEST_P(Channel, ARendezvousWaitsForTheOtherSide) {
  run(
      [] {
        channel<boxed> meeting;
        park_probe at_sender;
        fiber sender([&] {
          at_sender.enter();
          return meeting.send(box(1)).has_value();
        });
        at_sender.await(rt::wait_kind::send);
        EXPECT_EQ(meeting.size(), 0U);
        EXPECT_EQ(*meeting.receive().value(), 1);
        EXPECT_TRUE(sender.join().value());

        park_probe at_receiver;
        fiber receiver([&] {
          at_receiver.enter();
          return *meeting.receive().value();
        });
        at_receiver.await(rt::wait_kind::receive);
        EXPECT_TRUE(meeting.try_send(box(2)));
        EXPECT_EQ(receiver.join().value(), 2);
        EXPECT_EQ(meeting.try_send(box(3)).error(), std::errc::operation_would_block);
        EXPECT_EQ(meeting.try_receive().error(), std::errc::operation_would_block);
      },
      options());
}

TEST_P(Channel, ABufferedOneTakesWhatItHasRoomForInOrder) {
  channel<std::string> texts(3);  // on a plain thread, without a runtime
  EXPECT_EQ(texts.capacity(), 3U);
  for (int round = 0; round < 5; ++round) {
    for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(texts.send(text));
    std::string more = "d";
    EXPECT_EQ(texts.try_send(std::move(more)).error(), std::errc::operation_would_block);
    EXPECT_EQ(more, "d") << "what is not sent stays";  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(texts.size(), 3U);
    for (const char* text : {"a", "b", "c"}) EXPECT_EQ(texts.receive().value(), text);
    EXPECT_EQ(texts.try_receive().error(), std::errc::operation_would_block);
  }
}

TEST_P(Channel, WhoWaitsLongestIsServedFirst) {
  run(
      [] {
        for (const std::ptrdiff_t capacity : {0, 1}) {
          channel<int> line(capacity);
          for (std::ptrdiff_t i = 0; i < capacity; ++i) EXPECT_TRUE(line.send(-1));
          std::vector<park_probe> probes(8);
          std::vector<fiber<>> fibers;
          for (int i = 0; i < 4; ++i) {
            park_probe& probe = probes[static_cast<std::size_t>(i)];
            fibers.emplace_back([&, i] {
              probe.enter();
              EXPECT_TRUE(line.send(i));
            });
            probe.await(rt::wait_kind::send);
          }
          for (std::ptrdiff_t i = 0; i < capacity; ++i) EXPECT_EQ(line.receive().value(), -1);
          for (int i = 0; i < 4; ++i) EXPECT_EQ(line.receive().value(), i);
          for (int i = 4; i < 8; ++i) {
            park_probe& probe = probes[static_cast<std::size_t>(i)];
            fibers.emplace_back([&, i] {
              probe.enter();
              EXPECT_EQ(line.receive().value(), i);
            });
            probe.await(rt::wait_kind::receive);
          }
          for (int i = 4; i < 8; ++i) EXPECT_TRUE(line.send(i));
          for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
        }
      },
      options());
}

TEST_P(Channel, AfterTheCloseWhatIsThereIsStillReceived) {
  run(
      [] {
        channel<boxed> jobs(4);
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(jobs.send(box(i)));
        jobs.close();
        EXPECT_TRUE(jobs.is_closed());
        boxed late = box(9);
        EXPECT_EQ(jobs.send(std::move(late)).error(), errc::closed);
        EXPECT_EQ(*late, 9);  // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(jobs.try_send(std::move(late)).error(), errc::closed);
        std::int64_t expected = 0;
        for (boxed& job : jobs) EXPECT_EQ(*job, expected++);
        EXPECT_EQ(expected, 3);
        EXPECT_EQ(jobs.receive().error(), errc::closed);
        EXPECT_EQ(jobs.try_receive().error(), errc::closed);
        EXPECT_EQ(jobs.receive_for(1h).error(), errc::closed);
        EXPECT_THROW(jobs.close(), std::logic_error);
      },
      options());
}

TEST_P(Channel, AClosedOneWakesAllWhoWait) {
  run(
      [] {
        for (const bool sending : {true, false}) {
          channel<boxed> line;
          std::vector<park_probe> probes(20);
          std::vector<fiber<>> fibers;
          for (park_probe& probe : probes) {
            fibers.emplace_back([&, sending] {
              probe.enter();
              boxed mine = box(7);
              EXPECT_EQ(sending ? line.send(std::move(mine)).error() : line.receive().error(),
                        errc::closed);
              EXPECT_NE(mine, nullptr);  // NOLINT(bugprone-use-after-move)
            });
            probe.await(sending ? rt::wait_kind::send : rt::wait_kind::receive);
          }
          line.close();
          for (fiber<>& each : fibers) EXPECT_TRUE(each.join());
        }
      },
      options());
}

// A value whose move looks at the channel that it is in: with the channel locked it would never
// end.
struct nosy {
  explicit nosy(channel<nosy>& where) : in(&where) {}
  nosy(nosy&& other) noexcept : in(other.in) { (void)in->size(); }
  ~nosy() { (void)in->size(); }
  channel<nosy>* in;
};

TEST_P(Channel, NobodysCodeRunsUnderItsLock) {
  run(
      [] {
        for (const std::ptrdiff_t capacity : {0, 1, 3}) {
          channel<nosy> line(capacity);
          fiber sender([&] {
            for (int i = 0; i < 20; ++i) EXPECT_TRUE(line.send(nosy(line)));
            line.close();
          });
          int count = 0;
          for ([[maybe_unused]] const nosy& each : line) ++count;
          EXPECT_EQ(count, 20);
          EXPECT_TRUE(sender.join());
          // Nor when it is destroyed with a value in it.
          auto full = std::make_unique<channel<nosy>>(1);
          EXPECT_TRUE(full->send(nosy(*full)));
          full.reset();
        }
      },
      options());
}

TEST_P(Channel, GivesUpAtADeadlineOrAStopAndKeepsTheValue) {
  run(
      [] {
        channel<boxed> line;
        boxed mine = box(5);
        EXPECT_EQ(line.send_for(std::move(mine), 1ms).error(), errc::deadline_exceeded);
        EXPECT_EQ(line.send_until(std::move(mine), time_point::min()).error(),
                  errc::deadline_exceeded);
        EXPECT_EQ(*mine, 5);  // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(line.receive_for(1ms).error(), errc::deadline_exceeded);
        EXPECT_EQ(line.receive_until(time_point::min()).error(), errc::deadline_exceeded);
        for (const bool sending : {true, false}) {
          park_probe probe;
          fiber stopped([&, sending] {
            probe.enter();
            return (sending ? line.send(std::move(mine)).error() : line.receive().error()) ==
                   errc::operation_canceled;
          });
          probe.await(sending ? rt::wait_kind::send : rt::wait_kind::receive);
          stopped.request_stop();
          EXPECT_TRUE(stopped.join().value());
        }
        EXPECT_EQ(*mine, 5);
        EXPECT_EQ(line.try_receive().error(), std::errc::operation_would_block)
            << "nobody is left behind";
      },
      options());
}

// --- stress --------------------------------------------------------------------------------------

// Half of the crowd sends numbers, half receives; each is to come once, in its sender's order as
// far as one receiver can see.
template <class T>
void exchange(const crowd& who, std::ptrdiff_t capacity, std::int64_t rounds,
              const run_options& options) {
  channel<T> line(capacity);
  const int senders = (who.size() + 1) / 2;
  std::atomic<int> senders_left{senders};
  std::atomic<std::int64_t> sum{0};
  std::atomic<std::int64_t> count{0};
  testing::together(who, options, [&](int number) {
    if (number % 2 == 0) {
      for (std::int64_t i = 0; i < rounds; ++i) {
        EXPECT_TRUE(line.send(make_value<T>(i * 1000 + number)));
      }
      if (senders_left.fetch_sub(1) == 1) line.close();
      return;
    }
    std::vector<std::int64_t> last(static_cast<std::size_t>(who.size()), -1);
    for (const T& value : line) {
      const std::int64_t got = number_of(value);
      std::int64_t& before = last[static_cast<std::size_t>(got % 1000)];
      EXPECT_GT(got / 1000, before);
      before = got / 1000;
      sum.fetch_add(got);
      count.fetch_add(1);
    }
  });
  std::int64_t expected = 0;
  for (int number = 0; number < who.size(); number += 2) {
    expected += rounds * (rounds - 1) / 2 * 1000 + rounds * number;
  }
  EXPECT_EQ(count.load(), senders * rounds);
  EXPECT_EQ(sum.load(), expected);
}

TEST_P(Channel, LosesAndDoublesNothing) {
  const std::int64_t rounds = scaled(1'000);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    for (const std::ptrdiff_t capacity : {0, 1, 7}) {
      exchange<std::int64_t>(who, capacity, rounds, options());
      exchange<boxed>(who, capacity, rounds, options());
    }
  }
}

TEST_P(Channel, StopsAndDeadlinesLoseNoValue) {
  const std::int64_t rounds = scaled(300);
  run(
      [&] {
        for (const std::ptrdiff_t capacity : {0, 2}) {
          for (std::int64_t round = 0; round < rounds; ++round) {
            channel<boxed> line(capacity);
            std::vector<fiber<std::int64_t>> senders;
            std::vector<fiber<std::int64_t>> receivers;
            for (int i = 0; i < 4; ++i) {
              const auto soon = std::chrono::microseconds(i * 20);
              senders.emplace_back([&line, i, soon] {
                boxed mine = box(1 + i);
                const bool sent = i % 2 == 0 ? line.send_for(std::move(mine), soon).has_value()
                                             : line.send(std::move(mine)).has_value();
                EXPECT_EQ(mine == nullptr, sent);  // NOLINT(bugprone-use-after-move)
                return std::int64_t{sent ? 1 + i : 0};
              });
              receivers.emplace_back([&line, i, soon] {
                auto got = i % 2 == 0 ? line.receive_for(soon) : line.receive();
                return got ? **got : 0;
              });
            }
            yield();
            senders[1].request_stop();
            receivers[3].request_stop();
            yield();
            line.close();
            std::int64_t sent = 0;
            std::int64_t got = 0;
            for (auto& each : senders) sent += each.join().value();
            for (auto& each : receivers) got += each.join().value();
            for (const boxed& left : line) got += *left;
            ASSERT_EQ(got, sent) << round;
          }
        }
      },
      options());
}

TEST_P(Channel, ACloseThatRacesWithBothSidesLosesNoValue) {
  const std::int64_t rounds = scaled(300);
  for (std::int64_t round = 0; round < rounds; ++round) {
    channel<boxed> line(round % 3);
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> got{0};
    testing::together({.fibers = 4, .threads = 1}, options(), [&](int number) {
      if (number == 4) {
        while (sent.load() < round % 7) std::this_thread::yield();
        return line.close();
      }
      if (number % 2 == 0) {
        while (line.send(box(1))) sent.fetch_add(1);
      } else {
        for (const boxed& value : line) got.fetch_add(*value);
      }
    });
    ASSERT_EQ(got.load(), sent.load()) << round;
    EXPECT_EQ(line.size(), 0U);
  }
}

TEST_P(Channel, TenThousandFibersOnOne) {
  const std::int64_t fibers = std::max<std::int64_t>(scaled(10'000), 2) / 2;
  run(
      [&] {
        channel<std::int64_t> line;
        for (std::int64_t i = 0; i < fibers; ++i) {
          go([&line, i] { EXPECT_TRUE(line.send(i)); });
        }
        channel<std::int64_t> sums(fibers);
        for (std::int64_t i = 0; i < fibers; ++i) {
          go([&] { EXPECT_TRUE(sums.send(line.receive().value())); });
        }
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < fibers; ++i) sum += sums.receive().value();
        EXPECT_EQ(sum, fibers * (fibers - 1) / 2);
      },
      options());
}

TEST(ChannelBounds, AreChecked) {
  EXPECT_THROW(channel<int>(-1), std::logic_error);
  EXPECT_THROW(channel<int>(std::ptrdiff_t{1} << 40), std::logic_error);
  EXPECT_EQ(channel<int>().capacity(), 0U);
}

TEST(ChannelValues, ThatNobodyReceivesAreDestroyedWithIt) {
  const auto shared = std::make_shared<int>(1);
  {
    channel<std::shared_ptr<int>> line(3);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(line.send(shared));
    EXPECT_TRUE(line.receive());
    EXPECT_EQ(shared.use_count(), 3);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

#ifndef NDEBUG
class ChannelDeathTest : public ::testing::Test {
 protected:
  ChannelDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(ChannelDeathTest, DestroyingOneWithWaitersIsReported) {
  EXPECT_DEATH(run(
                   [] {
                     auto line = std::make_unique<channel<int>>();
                     park_probe probe;
                     go([&] {
                       probe.enter();
                       (void)line->receive();
                     });
                     probe.await(rt::wait_kind::receive);
                     line.reset();
                   },
                   {.processors = 1}),
               "sluice: a channel was destroyed while somebody waits on it");
}
#endif

}  // namespace
}  // namespace sluice
