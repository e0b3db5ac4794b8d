#include "sluice/select.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/channel.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "testing/crowd.h"
#include "testing/park_probe.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::crowd;
using testing::park_probe;
class Select : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Select);

TEST_P(Select, SaysWhichCaseRan) {
  run(
      [] {
        channel<int> jobs(1);
        channel<std::string> names(1);
        int job = 0;
        std::string name;
        EXPECT_TRUE(jobs.send(7));
        switch (select(jobs.receiving(job), names.receiving(name), after(1h)).value()) {
          case 0:
            EXPECT_EQ(job, 7);
            break;
          default:
            ADD_FAILURE();
        }
        EXPECT_EQ(select(jobs.receiving(job), names.sending("seven"), after(1h)).value(), 1U);
        EXPECT_EQ(names.receive().value(), "seven");
        EXPECT_EQ(select(jobs.receiving(job), otherwise).value(), 1U);
        EXPECT_EQ(select(jobs.receiving(job), after(1ms)).value(), 1U);
        EXPECT_EQ(select(jobs.receiving(job), at(time_point::min())).value(), 1U);
      },
      options());
}

TEST_P(Select, WaitsForWhateverComesFirst) {
  run(
      [] {
        channel<std::unique_ptr<int>> boxes;
        channel<int> numbers;
        for (const int which : {0, 1, 2}) {
          std::unique_ptr<int> got;
          int number = 0;
          park_probe probe;
          fiber waiter([&] {
            probe.enter();
            return select(boxes.receiving(got), numbers.receiving(number), numbers.sending(5))
                .value();
          });
          probe.await(rt::wait_kind::select);
          const bool went = which == 0   ? boxes.send(std::make_unique<int>(3)).has_value()
                            : which == 1 ? numbers.send(4).has_value()
                                         : numbers.receive().value() == 5;
          EXPECT_TRUE(went);
          EXPECT_EQ(waiter.join().value(), static_cast<std::size_t>(which));
          EXPECT_EQ(got != nullptr, which == 0);
          EXPECT_EQ(number, which == 1 ? 4 : 0);
          EXPECT_FALSE(numbers.try_send(1)) << "nobody is left in a queue";
          EXPECT_FALSE(numbers.try_receive());
          EXPECT_FALSE(boxes.try_receive());
        }
      },
      options());
}

TEST_P(Select, HandlersGetResultsAndMaySelectAgain) {
  run(
      [] {
        channel<int> jobs(2);
        EXPECT_TRUE(jobs.send(1));
        EXPECT_TRUE(jobs.send(2));
        int sum = 0;
        const auto ran = select(jobs.receiving([&](result<int> first) {
          sum += first.value();
          EXPECT_TRUE(select(jobs.receiving([&](result<int> second) { sum += 10 * *second; }),
                             otherwise([] { ADD_FAILURE(); })));
        }),
                                after(1h, [] { ADD_FAILURE(); }));
        EXPECT_EQ(ran.value(), 0U);
        EXPECT_EQ(sum, 21);
        bool sent = false;
        EXPECT_TRUE(select(jobs.sending(3, [&](result<void> went) { sent = went.has_value(); })));
        EXPECT_TRUE(sent);
        EXPECT_THROW((void)select(jobs.receiving([](const result<int>&) {
                       throw std::runtime_error("out of the handler");
                     })),
                     std::runtime_error);
        bool nothing = false;
        EXPECT_EQ(select(jobs.receiving([](const result<int>&) { ADD_FAILURE(); }),
                         otherwise([&] { nothing = true; }))
                      .value(),
                  1U);
        EXPECT_TRUE(nothing);
      },
      options());
}

TEST_P(Select, AClosedChannelIsReadyAndTold) {
  run(
      [] {
        channel<int> done;
        int value = 9;
        std::optional<int> perhaps = 9;
        result<int> outcome = 9;
        const auto check_all = [&] {
          EXPECT_EQ(select(done.receiving(value)).error(), errc::closed);
          EXPECT_EQ(value, 9);
          EXPECT_EQ(select(done.receiving(perhaps)).value(), 0U);
          EXPECT_FALSE(perhaps);
          EXPECT_EQ(select(done.receiving(outcome)).value(), 0U);
          EXPECT_EQ(outcome.error(), errc::closed);
          EXPECT_EQ(select(done.sending(value)).error(), errc::closed);
          result<void> sent;
          EXPECT_TRUE(select(done.sending(1, [&](result<void> went) { sent = went; })));
          EXPECT_EQ(sent.error(), errc::closed);
        };
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          return select(done.receiving(value), after(1h)).error() == errc::closed;
        });
        probe.await(rt::wait_kind::select);
        done.close();
        EXPECT_TRUE(waiter.join().value());
        check_all();
      },
      options());
}

TEST_P(Select, ADisabledCaseIsNeverTheOne) {
  run(
      [] {
        channel<int> line(1);
        int value = 0;
        EXPECT_EQ(select(line.sending(1).when(false), otherwise).value(), 1U);
        EXPECT_EQ(select(line.sending(1).when(true), otherwise).value(), 0U);
        EXPECT_EQ(select(line.receiving(value).when(false), after(1ms)).value(), 1U);
        EXPECT_EQ(select(line.receiving(value).when(true), after(0s).when(false)).value(), 0U);
      },
      options());
}

TEST_P(Select, AStopEndsIt) {
  run(
      [] {
        channel<int> line;
        int value = 0;
        park_probe at_line;
        park_probe at_nothing;
        fiber waiter([&] {
          at_line.enter();
          return select(line.receiving(value), after(1h)).error() == errc::operation_canceled;
        });
        fiber without_cases([&] {
          at_nothing.enter();
          return select().error() == errc::operation_canceled;
        });
        at_line.await(rt::wait_kind::select);
        at_nothing.await(rt::wait_kind::select);
        waiter.request_stop();
        without_cases.request_stop();
        EXPECT_TRUE(waiter.join().value());
        EXPECT_TRUE(without_cases.join().value());
        EXPECT_FALSE(line.try_send(1));
      },
      options());
}

TEST_P(Select, WorksOnPlainThreads) {
  channel<int> line;
  channel<int> back(1);
  std::thread other([&] {
    int value = 0;
    EXPECT_EQ(select(back.receiving(value), line.sending(3), after(1h)).value(), 1U);
  });
  int value = 0;
  EXPECT_EQ(select(line.receiving(value), after(1h)).value(), 0U);
  EXPECT_EQ(value, 3);
  other.join();
  EXPECT_EQ(select(line.receiving(value), after(1ms)).value(), 1U);
}

// Each of four ready cases is drawn equally often: chi-squared with three degrees of freedom is
// above 47 with a probability of 3e-10.
TEST_P(Select, DrawsUniformlyAmongTheReady) {
  run(
      [] {
        std::array<channel<int>, 4> lines{channel<int>(1), channel<int>(1), channel<int>(1),
                                          channel<int>(1)};
        constexpr int rounds = 4'000;
        std::array<int, 4> chosen{};
        int value = 0;
        for (int round = 0; round < rounds; ++round) {
          for (auto& line : lines) (void)line.try_send(1);
          ++chosen[select(lines[0].receiving(value), lines[1].receiving(value),
                          lines[2].receiving(value), lines[3].receiving(value))
                       .value()];
        }
        double squares = 0;
        for (const int count : chosen) squares += std::pow(count - rounds / 4, 2) / (rounds / 4);
        EXPECT_LT(squares, 47);
      },
      options());
}

// Two selects that could serve each other both ways, again and again.
TEST_P(Select, TwoThatLookAtEachOtherMeet) {
  const std::int64_t rounds = scaled(2'000);
  for (const crowd& who : {crowd{.fibers = 2, .threads = 0}, crowd{.fibers = 1, .threads = 1},
                           crowd{.fibers = 0, .threads = 2}}) {
    channel<std::int64_t> there;
    channel<std::int64_t> back;
    std::array<std::atomic<std::int64_t>, 2> sent{};
    std::array<std::atomic<std::int64_t>, 2> got{};
    testing::together(who, options(), [&](int number) {
      const auto side = static_cast<std::size_t>(number);
      channel<std::int64_t>& out = number == 0 ? there : back;
      channel<std::int64_t>& in = number == 0 ? back : there;
      std::int64_t value = 0;
      for (std::int64_t i = 0; i < rounds; ++i) {
        // Every round is one exchange, in whichever direction.
        if (select(out.sending(1), in.receiving(value)).value() == 0) {
          sent[side].fetch_add(1);
        } else {
          got[side].fetch_add(value);
        }
      }
    });
    EXPECT_EQ(sent[0].load(), got[1].load());
    EXPECT_EQ(sent[1].load(), got[0].load());
    EXPECT_EQ(sent[0].load() + sent[1].load(), rounds);
  }
}

TEST_P(Select, LosesAndDoublesNothing) {
  const std::int64_t rounds = scaled(500);
  for (const crowd& who : {testing::only_fibers, testing::only_threads, testing::both}) {
    for (const std::ptrdiff_t capacity : {0, 2}) {
      channel<std::unique_ptr<std::int64_t>> left(capacity);
      channel<std::int64_t> right(capacity);
      channel<int> over;
      const int senders = (who.size() + 1) / 2;
      std::atomic<int> senders_left{senders};
      std::atomic<std::int64_t> count{0};
      std::atomic<std::int64_t> sum{0};
      testing::together(who, options(), [&](int number) {
        if (number % 2 == 0) {
          for (std::int64_t i = 0; i < rounds; ++i) {
            auto boxed = std::make_unique<std::int64_t>(i);
            EXPECT_TRUE(select(left.sending(std::move(boxed)), right.sending(i)));
          }
          if (senders_left.fetch_sub(1) == 1) {
            left.close();
            right.close();
          }
          return;
        }
        // Until both are closed; what is not enabled any more is not asked.
        bool left_open = true;
        bool right_open = true;
        const auto note = [&](std::int64_t value) {
          count.fetch_add(1);
          sum.fetch_add(value);
        };
        while (left_open || right_open) {
          EXPECT_TRUE(select(left.receiving([&](auto got) {
                                   if (got) note(**got);
                                   left_open = got.has_value();
                                 })
                                 .when(left_open),
                             right
                                 .receiving([&](result<std::int64_t> got) {
                                   if (got) note(*got);
                                   right_open = got.has_value();
                                 })
                                 .when(right_open)));
        }
      });
      EXPECT_EQ(count.load(), senders * rounds);
      EXPECT_EQ(sum.load(), senders * (rounds * (rounds - 1) / 2));
    }
  }
}

TEST_P(Select, DeadlinesAndStopsLoseNoValue) {
  const std::int64_t rounds = scaled(300);
  run(
      [&] {
        for (std::int64_t round = 0; round < rounds; ++round) {
          channel<int> first;
          channel<int> second(1);
          std::atomic<int> got{0};
          std::vector<fiber<>> takers;
          for (int i = 0; i < 3; ++i) {
            takers.emplace_back([&, i] {
              int value = 0;
              const auto ran = select(first.receiving(value), second.receiving(value),
                                      after(std::chrono::microseconds(30 * i)).when(i != 2));
              if (ran && *ran < 2) got.fetch_add(value);
            });
          }
          int sent = 0;
          for (int i = 0; i < 3; ++i) {
            if (first.try_send(1)) ++sent;
            if (i == 1) takers[2].request_stop();
            if (second.try_send(1)) ++sent;
            yield();
          }
          takers[2].request_stop();
          for (fiber<>& each : takers) EXPECT_TRUE(each.join());
          if (second.try_receive()) got.fetch_add(1);
          ASSERT_EQ(got.load(), sent) << round;
        }
      },
      options());
}

// As many as there are, of any kinds.
TEST_P(Select, OverANumberOfCasesThatIsKnownAtRunTimeOnly) {
  run(
      [] {
        std::vector<channel<int>> numbers(20);
        std::vector<int> got(20);
        channel<std::string> names(1);
        for (std::size_t chosen = 0; chosen < numbers.size(); ++chosen) {
          park_probe probe;
          fiber waiter([&] {
            std::vector<any_case> cases;
            for (std::size_t i = 0; i < numbers.size(); ++i) {
              cases.emplace_back(numbers[i].receiving(got[i]));
            }
            cases.emplace_back(after(1h));
            probe.enter();
            return select(cases).value();
          });
          probe.await(rt::wait_kind::select);
          EXPECT_TRUE(numbers[chosen].send(static_cast<int>(chosen) + 1));
          EXPECT_EQ(waiter.join().value(), chosen);
          EXPECT_EQ(got[chosen], static_cast<int>(chosen) + 1);
        }
        std::string told;
        const std::string copied = "a name that was copied";
        std::vector<any_case> few;
        few.emplace_back(numbers[0].receiving(got[0]).when(false));
        few.emplace_back(
            names.sending(copied, [&](result<void> sent) { told = sent ? "sent" : "closed"; }));
        EXPECT_EQ(select(few).value(), 1U);
        EXPECT_EQ(told, "sent");
        std::string name;
        std::vector<any_case> last;
        last.emplace_back(names.receiving([&](result<std::string> one) { name = one.value(); }));
        last.emplace_back(otherwise);
        EXPECT_EQ(select(last).value(), 0U);
        EXPECT_EQ(name, copied);
        last.clear();
        last.emplace_back(names.receiving(name));
        last.emplace_back(otherwise([&] { told = "nothing there"; }));
        EXPECT_EQ(select(last).value(), 1U);
        EXPECT_EQ(told, "nothing there");
        std::vector<any_case> none;
        EXPECT_EQ(with_timeout(1ms, [&] { return select(none); }).error(), errc::deadline_exceeded);
      },
      options());
}

}  // namespace
}  // namespace sluice
