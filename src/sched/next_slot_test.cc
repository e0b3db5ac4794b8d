// next_slot_test.cc: thieves take the next slot's fiber while the owner uses the slot: none is
// lost, none runs twice. In programs that happens to stuck processors only; here to all.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/rng.h"
#include "os/relax.h"
#include "sched/runtime.h"
#include "sched/worker.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/scale.h"

namespace sluice {
namespace {

struct gate_form {
  const char* name;
  bool symmetric;
};

class NextSlot : public ::testing::TestWithParam<gate_form> {
 protected:
  void SetUp() override {
#ifdef SLUICE_MIGRATE
    GTEST_SKIP() << "with forced migration the next slot is not used";
#endif
    rt::switched.symmetric_gate = GetParam().symmetric;
  }
  void TearDown() override { rt::switched = {}; }
};
INSTANTIATE_TEST_SUITE_P(Forms, NextSlot,
                         ::testing::Values(gate_form{"Asymmetric", false},
                                           gate_form{"Symmetric", true}),
                         [](const auto& one) { return one.param.name; });

// Takes whatever stands in a next slot, and lets it run elsewhere, until destroyed.
class thief {
 public:
  ~thief() {
    over_.store(true);
    thread_.join();
  }
  [[nodiscard]] std::int64_t taken() const { return taken_.load(); }

 private:
  void steal() {
    rt::runtime& owner = *rt::current_runtime();
    while (!over_.load()) {
      for (rt::processor& each : owner.processors()) {
        if (rt::control_block* fiber = each.holder->give_up_next()) {
          taken_.fetch_add(1);
          owner.make_runnable(fiber);
        }
      }
    }
  }

  std::atomic<bool> over_{false};
  std::atomic<std::int64_t> taken_{0};
  std::thread thread_{[this] { steal(); }};
};

// The spawner lingers in user code with the new fiber in its next slot, for a time that is never
// the same, so that the thieves come at every moment of it, and both at once.
TEST_P(NextSlot, EveryFiberRunsOnceAlthoughThievesTakeSome) {
  const std::int64_t wanted = scaled(20'000, 500);
  std::int64_t taken = 0;
  std::int64_t started = 0;
  std::atomic<std::int64_t> ran{0};
  run(
      [&] {
        const thief other;
        const thief another;
        rt::xorshift random(1);
        while (other.taken() + another.taken() < wanted) {
          ++started;
          go([&ran] { ran.fetch_add(1); });
          for (std::uint32_t left = random.below(2'000); left != 0; --left) os::relax();
          yield();
        }
        while (ran.load() < started) yield();
        taken = other.taken() + another.taken();
      },
      {.processors = 2});
  EXPECT_EQ(ran.load(), started);
  std::printf("%lld fibers, %lld taken\n", static_cast<long long>(started),
              static_cast<long long>(taken));
}

}  // namespace
}  // namespace sluice
