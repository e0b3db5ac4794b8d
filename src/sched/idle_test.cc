// idle_test.cc: idle means idle, and memory comes back after a burst.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fiber/sanitizer.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/process.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
class Idle : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Idle);

// Waits on the plain thread that calls it, so that no fiber and no timer is involved.
template <class Condition>
bool eventually(Condition&& condition) {
  for (int i = 0; i < 100; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(100ms);  // an interval to look at, not a synchronisation
  }
  return false;
}

TEST_P(Idle, ParkedFibersWakeNoThreadAndNoPoll) {
  const std::int64_t count = scaled(10'000, 5'000);
  bool was_idle = false;
  run(
      [&] {
        std::atomic<std::int64_t> started{0};
        for (std::int64_t i = 0; i < count; ++i) {
          go([&] {
            started.fetch_add(1);
            (void)sleep_until(time_point::max());
          });
        }
        while (started.load() != count) yield();
        std::thread observer([&] {
          was_idle = eventually([&] {
            const runtime_stats before = stats();
            std::this_thread::sleep_for(300ms);  // the interval in which nothing may happen
            const runtime_stats after = stats();
            return before.fibers >= static_cast<std::uint64_t>(count) &&
                   before.polls == after.polls && before.monitor_looks == after.monitor_looks;
          });
        });
        // This fiber sleeps without a timer too, until the observer's fiber wakes it.
        fiber waiter([&] { (void)sleep_until(time_point::max()); });
        std::thread waker([&] {
          observer.join();
          waiter.request_stop();
        });
        (void)waiter.join();
        waker.join();
      },
      options());
  EXPECT_TRUE(was_idle);
}

TEST_P(Idle, MemoryComesBackAfterABurstOfFibers) {
  if (rt::sanitizers_active()) GTEST_SKIP() << "the sanitizer's own memory does not come back";
  const std::int64_t count = scaled(100'000, 5'000);
  std::size_t peak = 0;
  bool came_back = false;
  run(
      [&] {
        const std::size_t before = testing::process_state().resident_bytes;
        {
          std::atomic<std::int64_t> started{0};
          std::atomic<std::int64_t> ended{0};
          std::atomic<bool> leave{false};
          for (std::int64_t i = 0; i < count; ++i) {
            go([&] {
              started.fetch_add(1);
              while (!leave.load()) yield();
              ended.fetch_add(1);
            });
          }
          while (started.load() != count) yield();
          peak = testing::process_state().resident_bytes - before;
          leave.store(true);
          while (ended.load() != count) yield();
        }
        std::thread observer([&] {
          came_back = eventually([&] {
            return testing::process_state().resident_bytes < before + peak / 10 + (8 << 20);
          });
        });
        // A fiber must not wait for a thread; but here nothing else wants to run.
        observer.join();
      },
      options());
  EXPECT_TRUE(came_back) << "peak " << peak;
}

}  // namespace
}  // namespace sluice
