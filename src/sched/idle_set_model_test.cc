// Every execution of processors that run out of work and wakers that publish it: no work is left
// while a processor sleeps, even if what the others have found never ends. Then the same with
// faults, one in each step of the two recipes.
#include "sched/idle_set.h"

#include <algorithm>
#include <string>

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;
using idle_type = basic_idle_set<model_atomics>;

class idle_set_model : public model::fixture {};

struct plan {
  std::uint32_t processors = 1;
  int wakers = 1;
  int pieces = 1;            // of work, that each waker publishes in turn
  std::uint32_t asleep = 0;  // so many processors, the last ones, begin in step 3
  bool spinning = true;      // the processors begin as spinners; else as workers with nothing to do
  bool monitor = false;      // somebody signals processor 0 for no reason of work
  bool skip_recheck = false;
  bool skip_duty = false;     // the last spinner that finds work wakes nobody
  bool skip_claim = false;    // a waker publishes its work and tells nobody
  bool skip_signal = false;   // a waker claims and does not signal
  bool skip_retract = false;  // a processor that wakes leaves its bit where it is
};

// A shard's poller: wakes merge, and one that nobody waits for yet ends the next wait.
class wake_up {
 public:
  void wake() { posted_.post(); }
  void wait() {
    posted_.sleep();
    posted_.drain();
  }

 private:
  model::semaphore posted_;
};

// Each processor takes one piece of work, and stays in it for ever.
class processors_and_work {
 public:
  explicit processors_and_work(plan chosen) : plan_(chosen), idle_(chosen.processors) {
    for (std::uint32_t i = 0; i < plan_.processors; ++i) {
      if (begins_asleep(i)) {
        idle_.publish(i, false);
      } else if (plan_.spinning) {
        expect(idle_.start_spinning(2 * plan_.processors), "too many spinners");
      }
    }
  }

  void declare(model::engine& run) {
    static constexpr const char* processors[] = {"processor 0", "processor 1", "processor 2"};
    static constexpr const char* wakers[] = {"waker 0", "waker 1"};
    for (std::uint32_t i = 0; i < plan_.processors; ++i) {
      run.add_thread(processors[i], [this, i] { find_work(i); });
    }
    for (int i = 0; i < plan_.wakers; ++i) {
      run.add_thread(wakers[i], [this, i] {
        for (int k = i * plan_.pieces; k < (i + 1) * plan_.pieces; ++k) {
          queues_[k].store(true, std::memory_order_release);
          if (!plan_.skip_claim) wake_one();
        }
      });
    }
    if (plan_.monitor) run.add_thread("monitor", [this] { signal(0); });
    run.set_end([this] {
      const int due = std::min(published(), static_cast<int>(plan_.processors));
      expect(taken_ == due, "work is left, and a processor sleeps");
      expect(idle_.spinners() == 0, "the count of spinners is wrong");
      expect(idle_.idle_count() == plan_.processors - static_cast<std::uint32_t>(due),
             "the idle bits are wrong");
    });
  }

 private:
  void find_work(std::uint32_t self) {
    bool spinning = plan_.spinning;
    if (begins_asleep(self)) {
      shards_[self].wait();
      spinning = !idle_.retract(self);
    }
    for (;;) {
      model::forget_all_but(spinning ? 1 : 0);
      if (take_work()) {
        const bool last = spinning && idle_.leave_spinning();
        if (last && !plan_.skip_duty) wake_one();
        return;
      }
      idle_.publish(self, spinning);
      if (!plan_.skip_recheck && work_is_left()) {
        spinning = !idle_.retract(self);
        if (!spinning) {
          idle_.join_spinning();
          spinning = true;
        }
        continue;
      }
      shards_[self].wait();
      spinning = !plan_.skip_retract && !idle_.retract(self);
    }
  }

  bool begins_asleep(std::uint32_t processor) const {
    return processor >= plan_.processors - plan_.asleep;
  }
  int published() const { return plan_.wakers * plan_.pieces; }

  bool work_is_left() const {
    for (int i = 0; i < published(); ++i) {
      if (queues_[i].load(std::memory_order_acquire)) return true;
    }
    return false;
  }
  bool take_work() {
    for (int i = 0; i < published(); ++i) {
      if (queues_[i].load(std::memory_order_acquire) &&
          queues_[i].exchange(false, std::memory_order_acq_rel)) {
        taken_.add(1);
        return true;
      }
    }
    return false;
  }

  void wake_one() {
    if (const auto claimed = idle_.claim_one()) signal(*claimed);
  }
  void signal(std::uint32_t processor) {
    if (!plan_.skip_signal && idle_.signal(processor)) shards_[processor].wake();
  }

  const plan plan_;
  idle_type idle_;
  model::atomic<bool> queues_[2];
  wake_up shards_[3];
  model::ghost<int> taken_;
};

// The smallest scenarios run on all of C++'s memory, the others on sequential memory.
model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  const bool small = static_cast<int>(chosen.processors) + chosen.wakers * chosen.pieces <= 2;
  return model::explore<processors_and_work>({.name = "idle: " + name,
                                              .planted = planted,
                                              .sequential = !small,
                                              .spurious_failures = small ? 1 : 0},
                                             chosen);
}

constexpr plan two_pieces{.processors = 2, .pieces = 2, .asleep = 1};

TEST_F(idle_set_model, OneProcessorMissesNoWork) {
  expect_right(explore("1 processor, 1 waker", {}), 500);
  expect_right(explore("1 processor, 1 waker, not spinning", {.spinning = false}), 500);
  expect_right(explore("1 processor, 2 wakers", {.wakers = 2}), 1'000);
}

TEST_F(idle_set_model, ASignalWithoutWorkHidesNone) {
  expect_right(explore("1 processor, 1 waker, monitor", {.monitor = true}), 500);
}

TEST_F(idle_set_model, TwoProcessorsTakeTwoPiecesOfWork) {
  expect_right(explore("2 processors, 1 waker", {.processors = 2}), 1'000);
  if (leaves_out_heavy("two processors, two pieces of work")) return;
  expect_right(explore("2 processors, one asleep, 2 pieces", two_pieces), 1'000);
  expect_right(
      explore("3 processors, two asleep, 2 pieces", {.processors = 3, .pieces = 2, .asleep = 2}),
      1'000);
}

TEST_F(idle_set_model, FindsEachStepThatIsLeftOut) {
  expect_found(explore("step 2 left out", {.skip_recheck = true}), "work is left", false);
  expect_found(explore("waker's steps 2 to 4 left out", {.skip_claim = true}), "work is left",
               false);
  expect_found(explore("waker's step 4 left out", {.skip_signal = true}), "", false);
  expect_found(explore("step 4 left out", {.skip_retract = true}), "", false);
  plan selfish = two_pieces;
  selfish.skip_duty = true;
  expect_found(explore("spinner's duty left out", selfish), "work is left", false);
}

struct planted_case {
  const char* name;
  plan who;
  model::fault planted;
};

TEST_F(idle_set_model, FindsEveryPlantedFault) {
  constexpr plan one{};
  constexpr plan two_awake{.processors = 2, .pieces = 2};
  constexpr plan signalled{.monitor = true};
  constexpr planted_case cases[] = {
      {"no fence in publish()", one, {fault_kind::relaxed, "publish", operation::fence}},
      {"no fence in claim_one()", one, {fault_kind::relaxed, "claim_one", operation::fence}},
      {"pending is not cleared", signalled, {fault_kind::skipped, "publish", operation::exchange}},
      {"publish() changes nothing", one, {fault_kind::skipped, "publish", operation::modify}},
      {"publish() torn", two_awake, {fault_kind::torn, "publish", operation::modify}},
      {"retract() changes nothing", one, {fault_kind::skipped, "retract", operation::modify}},
      {"retract() torn", one, {fault_kind::torn, "retract", operation::modify}},
      {"the count is not left", one, {fault_kind::skipped, "leave_spinning", operation::modify}},
      {"a claimed bit is not compared", one, {fault_kind::forced, "claim_bit", operation::swap}},
      {"a lost claim is taken for won", one, {fault_kind::pretend, "claim_bit", operation::swap}},
      {"the claimer is not counted", one, {fault_kind::skipped, "claim_one", operation::swap}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, each.who, each.planted), "");
  }
}

}  // namespace
}  // namespace sluice::rt
