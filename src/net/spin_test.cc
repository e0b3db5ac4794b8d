// spin_test.cc: workers that poll before they sleep (run_options::spin) are no burden to a program
// that has nothing to do, and none to a processor that is stuck.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "os/relax.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;

// Keeps the processor for some tens of microseconds.
void linger() {
  for (int i = 0; i < 10'000; ++i) os::relax();
}

// Connections whose readers wait on every processor's shard: only a worker with registered
// descriptors spins.
class waiting_readers {
 public:
  explicit waiting_readers(std::size_t count) {
    auto listener = listen(tcp, "127.0.0.1:0").value();
    std::vector<stream> servers;
    for (std::size_t i = 0; i < count; ++i) {
      connected pair = connect_through(listener, tcp);
      clients_.push_back(std::move(pair.client));
      servers.push_back(std::move(pair.server));
    }
    // All at once: what this fiber started before it waited would run here, one after another.
    for (stream& each : servers) {
      readers_.emplace_back([this, server = std::move(each)]() mutable {
        linger();  // so that the other processors take some of them
        waiting_.fetch_add(1);
        while (server.receive()) {
        }
      });
    }
    while (waiting_.load() != count) (void)sleep_for(1ms);
  }

  void send_to_all() {
    for (stream& each : clients_) EXPECT_TRUE(each.write("x"));
  }

 private:
  std::vector<stream> clients_;
  std::atomic<std::size_t> waiting_{0};
  std::vector<fiber<>> readers_;
};

// A worker that has spun in vain must not wake another, which spins in vain and wakes the next.
TEST(Spin, NobodyIsWokenWithoutAnEvent) {
  std::uint64_t sleeps = 0;
  run(
      [&] {
        const waiting_readers readers(128);
        for (int burst = 0; burst < 10; ++burst) {
          wait_group ended;
          ended.add(3);
          for (int i = 0; i < 3; ++i) {
            go([&ended] {
              linger();
              ended.done();
            });
          }
          ended.wait();
          (void)sleep_for(5ms);
        }
        const std::uint64_t before = stats().sleeps;
        (void)sleep_for(300ms);  // the interval in which nothing may happen
        sleeps = stats().sleeps - before;
      },
      {.processors = 8, .spin = 50us});
  EXPECT_LT(sleeps, 500u);
}

// A second's spin, of which the monitor would see hundreds of looks go by.
TEST(Spin, AStuckProcessorsNextFiberIsTakenBeforeTheSpinIsOver) {
  std::uint64_t looks = 0;
  run(
      [&] {
        waiting_readers readers(32);
        readers.send_to_all();  // both workers have been busy, and the other one spins from now on
        (void)sleep_for(20ms);
        // From here on this processor is stuck. The other one looks after it, and finds nothing.
        std::uint64_t before = stats().monitor_looks;
        while (stats().monitor_looks < before + 20) {
        }
        std::atomic<bool> ran{false};
        before = stats().monitor_looks;
        fiber next([&ran] { ran.store(true); });
        while (!ran.load()) {  // the fiber is in the next slot
        }
        looks = stats().monitor_looks - before;
        EXPECT_TRUE(next.join());
      },
      {.processors = 2, .spin = 1s});
  EXPECT_LT(looks, 200u);
}

}  // namespace
}  // namespace sluice::net
