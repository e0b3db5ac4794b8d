// Every execution of a processor that looks at a queue, to go to sleep, while the queue's owner
// yields: one fiber is always queued or on its way there, and the sleeper never overlooks it. Then
// the same with faults.
#include "sched/yield_mark.h"

#include <string>

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;

class yield_mark_model : public model::fixture {};

struct plan {
  int yields = 1;
  bool skip_begin = false;
  bool skip_end = false;  // and the next begin: the count stays odd, or even, by luck
};

// The queue is run_queue's two counters, with one fiber in it at the start.
class yielder_and_sleeper {
 public:
  explicit yielder_and_sleeper(plan chosen) : plan_(chosen) {}

  void declare(model::engine& run) {
    run.add_thread("yielder", [this] {
      for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(plan_.yields); ++i) {
        if (!plan_.skip_begin) mark_.begin();
        head_.store(i + 1, std::memory_order_release);
        tail_.store(i + 2, std::memory_order_release);
        if (!plan_.skip_end) mark_.end();
      }
    });
    run.add_thread("sleeper", [this] {
      const bool left = mark_.work_is_left([this] {
        const std::uint32_t head = head_.load(std::memory_order_seq_cst);
        return tail_.load(std::memory_order_seq_cst) != head;
      });
      expect(left, "a yielding fiber is overlooked");
    });
  }

 private:
  const plan plan_;
  basic_yield_mark<model_atomics> mark_;
  model::atomic<std::uint32_t> head_{0};
  model::atomic<std::uint32_t> tail_{1};
};

model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  return model::explore<yielder_and_sleeper>({.name = "yield: " + name, .planted = planted},
                                             chosen);
}

TEST_F(yield_mark_model, NoYieldingFiberIsOverlooked) {
  expect_right(explore("1 yield", {}), 5);
  expect_right(explore("2 yields", {.yields = 2}), 20);
  expect_right(explore("3 yields", {.yields = 3}), 50);
}

TEST_F(yield_mark_model, FindsEachStepThatIsLeftOut) {
  expect_found(explore("neither counted", {.skip_begin = true, .skip_end = true}), "overlooked",
               false);
  expect_found(explore("not counted at the end", {.yields = 2, .skip_end = true}), "overlooked",
               false);
}

TEST_F(yield_mark_model, FindsEveryPlantedFault) {
  constexpr plan twice{.yields = 2};
  struct planted_case {
    const char* name;
    model::fault planted;
  };
  constexpr planted_case cases[] = {
      {"the count stays", {fault_kind::skipped, "count", operation::store}},
      {"the end is relaxed", {fault_kind::relaxed, "count", operation::store}},
      {"the first look is relaxed", {fault_kind::relaxed, "work_is_left", operation::load}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, twice, each.planted), "overlooked");
  }
}

}  // namespace
}  // namespace sluice::rt
