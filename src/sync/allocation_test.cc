// allocation_test.cc: what allocates nothing, counted. The C++ allocation functions are replaced in
// the whole binary; where a sanitizer has its own, nothing is counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>

#include "sluice/channel.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "sluice/sync.h"
#include "sluice/task_group.h"
#include "sluice/timer.h"
#include "sync/allocation_count_test.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
class Allocation : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Allocation);

// In a hundred calls. The least of three times: other threads of the process allocate too.
std::int64_t counted(const std::function<void()>& work) {
  work();  // once to warm up
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int time = 0; time < 3; ++time) {
    const std::int64_t before = testing::allocations_so_far();
    for (int i = 0; i < 100; ++i) work();
    least = std::min(least, testing::allocations_so_far() - before);
  }
  return least;
}

TEST_P(Allocation, IsNotDoneByChannelsSelectScopesAndLocks) {
  if (!testing::counts_allocations) GTEST_SKIP() << "SKIPPED: a sanitizer has its own functions";
  run(
      [] {
        channel<int> there;
        channel<int> back;
        channel<int> buffered(4);
        fiber echo([&] {
          for (const int item : there) (void)back.send(item);
        });
        EXPECT_EQ(counted([&] {
                    EXPECT_TRUE(there.send(1));
                    EXPECT_EQ(back.receive().value(), 1);
                  }),
                  0)
            << "a rendezvous";
        EXPECT_EQ(counted([&] {
                    EXPECT_TRUE(buffered.send(1));
                    EXPECT_EQ(buffered.receive().value(), 1);
                    EXPECT_FALSE(buffered.try_receive());
                  }),
                  0)
            << "a buffered one";
        int got = 0;
        timer never;
        EXPECT_EQ(
            counted([&] {
              EXPECT_TRUE(there.send(1));
              EXPECT_TRUE(select(back.receiving(got), buffered.receiving(got), back.receiving(got),
                                 buffered.receiving(got), buffered.receiving(got), never.ticking(),
                                 after(1h), after(2h)));
            }),
            0)
            << "a select of eight cases";
        EXPECT_EQ(counted([&] {
                    EXPECT_FALSE(with_timeout(1us, [&] { return buffered.receive(); }));
                    const std::stop_token none;
                    with_stop_token(none, [&] { shield([] { yield(); }); });
                  }),
                  0)
            << "scopes";
        mutex lock;
        counting_semaphore<> permits(1);
        EXPECT_EQ(counted([&] {
                    lock.lock();
                    EXPECT_FALSE(lock.try_lock_for(1us));
                    lock.unlock();
                    permits.acquire();
                    permits.release();
                  }),
                  0)
            << "locks";
        there.close();
        EXPECT_TRUE(echo.join());
        // And it does count.
        EXPECT_GE(counted([] { (void)task_group(); }), 100);
      },
      options());
}

}  // namespace
}  // namespace sluice
