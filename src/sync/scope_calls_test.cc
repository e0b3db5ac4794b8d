// scope_calls_test.cc: every call that waits, and what cuts it short.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/channel.h"
#include "sluice/net/pipe.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "sluice/sync.h"
#include "sluice/task_group.h"
#include "testing/park_probe.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::park_probe;
class ScopeOfCalls : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(ScopeOfCalls);

// Something of each kind that waits for ever, and the calls that do.
struct never {
  never() {
    held.lock();
    shared.lock();
    EXPECT_TRUE(full.send(1));
  }
  ~never() {
    held.unlock();
    shared.unlock();
  }

  channel<int> empty;
  channel<int> full{1};
  mutex held;
  mutex free;
  shared_mutex shared;
  condition_variable silent;
  counting_semaphore<> none{0};
  latch closed{1};
  barrier<> alone{2};
  wait_group pending;
  event unset;
};

struct waiting_call {
  const char* name;
  rt::wait_kind kind;
  std::function<result<void>(never&)> call;
};

template <class T>
result<void> without_value(const result<T>& got) {
  if (got) return {};
  return std::unexpected(got.error());
}

const std::vector<waiting_call>& waiting_calls() {
  using rt::wait_kind;
  static const std::vector<waiting_call> calls = {
      {"sleep_for", wait_kind::sleep, [](never&) { return sleep_for(1h); }},
      {"receive", wait_kind::receive, [](never& on) { return without_value(on.empty.receive()); }},
      {"receive_for", wait_kind::receive,
       [](never& on) { return without_value(on.empty.receive_for(1h)); }},
      {"send to nobody", wait_kind::send, [](never& on) { return on.empty.send(2); }},
      {"send into a full one", wait_kind::send, [](never& on) { return on.full.send(2); }},
      {"select", wait_kind::select,
       [](never& on) {
         int got = 0;
         return without_value(select(on.empty.receiving(got), on.full.sending(3), after(1h)));
       }},
      {"select of nothing", wait_kind::select, [](never&) { return without_value(select()); }},
      {"lock_or_stop", wait_kind::lock, [](never& on) { return on.held.lock_or_stop(); }},
      {"shared lock_or_stop", wait_kind::write_lock,
       [](never& on) { return on.shared.lock_or_stop(); }},
      {"lock_shared_or_stop", wait_kind::read_lock,
       [](never& on) { return on.shared.lock_shared_or_stop(); }},
      {"condition", wait_kind::condition,
       [](never& on) {
         std::unique_lock lock(on.free);
         auto waited = on.silent.wait_or_stop(lock);
         EXPECT_TRUE(lock.owns_lock());
         return waited;
       }},
      {"acquire_or_stop", wait_kind::permit, [](never& on) { return on.none.acquire_or_stop(); }},
      {"latch", wait_kind::group, [](never& on) { return on.closed.wait_or_stop(); }},
      {"barrier", wait_kind::phase,
       [](never& on) { return on.alone.wait_or_stop(on.alone.arrive()); }},
      {"wait_group", wait_kind::group,
       [](never& on) {
         on.pending.add();
         auto waited = on.pending.wait_or_stop();
         on.pending.done();
         return waited;
       }},
      {"event", wait_kind::event, [](never& on) { return on.unset.wait_or_stop(); }},
      {"join", wait_kind::join,
       [](never&) {
         fiber sleeper([] { (void)sleep_for(1h); });
         return without_value(sleeper.join());
       }},
      {"group", wait_kind::group,
       [](never&) {
         task_group group;
         group.go([] { return sleep_for(1h); });
         return group.wait();
       }},
      {"pipe", wait_kind::group,
       [](never&) {
         auto [mine, other] = net::pipe();
         std::byte got{};
         return without_value(mine.read({&got, 1}));
       }},
  };
  return calls;
}

TEST_P(ScopeOfCalls, APassedDeadlineRefusesEveryCall) {
  run(
      [] {
        for (const waiting_call& each : waiting_calls()) {
          never on;
          const auto cut = with_deadline(time_point::min(), [&] { return each.call(on); });
          ASSERT_FALSE(cut) << each.name;
          EXPECT_EQ(cut.error(), errc::deadline_exceeded) << each.name;
        }
      },
      options());
}

TEST_P(ScopeOfCalls, ADeadlineEndsEveryWait) {
  run(
      [] {
        for (const waiting_call& each : waiting_calls()) {
          never on;
          const auto cut = with_timeout(2ms, [&] { return each.call(on); });
          ASSERT_FALSE(cut) << each.name;
          EXPECT_EQ(cut.error(), errc::deadline_exceeded) << each.name;
        }
      },
      options());
}

TEST_P(ScopeOfCalls, ATokenEndsEveryWait) {
  run(
      [] {
        for (const waiting_call& each : waiting_calls()) {
          never on;
          std::stop_source source;
          park_probe probe;
          fiber waiter([&] {
            probe.enter();
            return with_stop_token(source.get_token(), [&] { return each.call(on); });
          });
          probe.await(each.kind);
          source.request_stop();
          const auto cut = waiter.join();
          ASSERT_FALSE(cut->has_value()) << each.name;
          EXPECT_EQ(cut->error(), errc::operation_canceled) << each.name;
        }
      },
      options());
}

TEST_P(ScopeOfCalls, AStoppedTokenRefusesEveryCall) {
  run(
      [] {
        std::stop_source source;
        source.request_stop();
        for (const waiting_call& each : waiting_calls()) {
          never on;
          const auto cut = with_stop_token(source.get_token(), [&] { return each.call(on); });
          ASSERT_FALSE(cut) << each.name;
          EXPECT_EQ(cut.error(), errc::operation_canceled) << each.name;
        }
      },
      options());
}

// A plain thread has the same scopes, all but the runtime's stop.
TEST_P(ScopeOfCalls, EndsWhatAPlainThreadWaitsFor) {
  run(
      [] {
        std::atomic<bool> done{false};
        std::jthread plain([&] {
          for (const waiting_call& each : waiting_calls()) {
            never on;
            const auto late = with_timeout(1ms, [&] { return each.call(on); });
            EXPECT_TRUE(!late && late.error() == errc::deadline_exceeded) << each.name;
            never again;
            std::stop_source source;
            std::jthread stopper([&] { source.request_stop(); });
            const auto cut = with_stop_token(source.get_token(), [&] { return each.call(again); });
            EXPECT_TRUE(!cut && cut.error() == errc::operation_canceled) << each.name;
          }
          EXPECT_TRUE(sleep_for(1ns));
          done.store(true);
        });
        while (!done.load()) yield();
      },
      options());
}

}  // namespace
}  // namespace sluice
