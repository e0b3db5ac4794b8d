// Every execution of a worker that goes in and out of its gate, makes a blocking call, and of a
// monitor or a passer-by that takes its processor: nobody touches what the processor owns while
// somebody else does, both forms of the gate alike. Then the same with faults.
#include "sched/gate.h"

#include <string>

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;
using gate_type = basic_gate<model_atomics>;

class gate_model : public model::fixture {};

struct plan {
  bool symmetric = false;
  int rounds = 2;             // how often the worker enters
  int asks = 1;               // how often the monitor asks
  bool thief = false;         // somebody else asks as well
  bool polls = false;         // the worker polls in its first round
  bool blocks = false;        // the worker announces a blocking call after its first round
  bool passer_by = false;     // somebody accepts what is offered
  bool skip_barrier = false;  // the monitor forgets the membarrier
  bool skip_claim = false;    // the worker does not look at the answer
};

// What the processor owns is one plain variable: who touches it without being ordered after the
// last one who did is in a data race.
class one_processor {
 public:
  explicit one_processor(plan chosen) : plan_(chosen) {}

  void declare(model::engine& run) {
    run.add_thread("worker", [this] { work(); });
    if (plan_.asks > 0) run.add_thread("monitor", [this] { look(); });
    if (plan_.thief) run.add_thread("thief", [this] { look(); });
    if (plan_.passer_by) run.add_thread("passer-by", [this] { take_offer(); });
    run.set_end([this] {
      expect(takers_ <= 1, "two have taken one processor");
      expect(touched_ == owned_.read(), "somebody's work on the processor is lost");
    });
  }

 private:
  void work() {
    for (int i = 0; i < plan_.rounds; ++i) {
      const bool polls = plan_.polls && i == 0;
      const bool inside =
          polls ? gate_.enter_polling(plan_.symmetric) : gate_.enter(plan_.symmetric);
      if (!inside && !plan_.skip_claim) return;
      touch();
      if (polls) gate_.become(gate_state::runtime);
      if (polls) touch();
      gate_.leave();
      if (plan_.blocks && i == 0) {
        gate_.offer();
        if (!gate_.end_offer()) return;
      }
    }
  }

  void look() {
    for (int i = 0; i < plan_.asks; ++i) {
      if (!gate_.ask()) continue;
      if (!plan_.symmetric && !plan_.skip_barrier) model_atomics::membarrier();
      if (gate_.finish_ask()) take();
    }
  }

  void take_offer() {
    if (gate_.accept()) take();
  }

  void take() {
    takers_.add(1);
    touch();
    touch();
  }

  // Two steps, so that somebody who is inside at the same time is seen.
  void touch() {
    owned_.write(owned_.read() + 1);
    touched_.add(1);
  }

  const plan plan_;
  gate_type gate_;
  model::var<int> owned_;
  model::ghost<int> touched_;
  model::ghost<int> takers_;
};

// The worker's slow path: it waits for its processor, which the monitor gives back when done.
class handed_back {
 public:
  explicit handed_back(bool symmetric) : symmetric_(symmetric) {}

  void declare(model::engine& run) {
    run.add_thread("worker", [this] {
      for (int i = 0; i < 2; ++i) {
        while (!gate_.enter(symmetric_)) {
          returned_.wait();
          gate_.reset();
        }
        owned_.write(owned_.read() + 1);
        gate_.leave();
      }
      ended_.set(true);
    });
    run.add_thread("monitor", [this] {
      for (int i = 0; i < 2; ++i) {
        if (!gate_.ask()) continue;
        if (!symmetric_) model_atomics::membarrier();
        if (!gate_.finish_ask()) continue;
        owned_.write(owned_.read() + 1);
        returned_.post();
      }
    });
    run.set_end([this] { expect(ended_, "the worker never got its processor back"); });
  }

 private:
  const bool symmetric_;
  gate_type gate_;
  model::var<int> owned_;
  model::semaphore returned_;
  model::ghost<bool> ended_;
};

model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  const std::string form = chosen.symmetric ? ", symmetric" : ", asymmetric";
  return model::explore<one_processor>({.name = "gate: " + name + form, .planted = planted},
                                       chosen);
}

TEST_F(gate_model, NobodyIsInsideTogetherWithATaker) {
  for (const bool symmetric : {false, true}) {
    expect_right(explore("one entry", {.symmetric = symmetric, .rounds = 1}), 20);
    expect_right(explore("two entries, two asks", {.symmetric = symmetric, .asks = 2}), 200);
    expect_right(explore("a poll", {.symmetric = symmetric, .polls = true}), 50);
  }
}

TEST_F(gate_model, TwoWhoAskAtOnceDoNotTakeWhatIsInUse) {
  for (const bool symmetric : {false, true}) {
    expect_right(explore("two askers", {.symmetric = symmetric, .thief = true}), 200);
  }
}

TEST_F(gate_model, AnOfferIsTakenOnceOrNotAtAll) {
  for (const bool symmetric : {false, true}) {
    const plan offers{.symmetric = symmetric, .asks = 0, .blocks = true, .passer_by = true};
    expect_right(explore("an offer", offers), 20);
    plan both = offers;
    both.asks = 1;
    expect_right(explore("an offer and a monitor", both), 300);
  }
}

TEST_F(gate_model, AProcessorComesBackToItsWorker) {
  expect_right(model::explore<handed_back>({.name = "gate: handed back, asymmetric"}, false), 100);
  expect_right(model::explore<handed_back>({.name = "gate: handed back, symmetric"}, true), 100);
}

TEST_F(gate_model, FindsEachStepThatIsLeftOut) {
  expect_found(explore("membarrier left out", {.skip_barrier = true}), "", false);
  expect_found(explore("answer ignored", {.skip_claim = true}), "", false);
  expect_found(explore("answer ignored", {.symmetric = true, .skip_claim = true}), "", false);
}

struct planted_case {
  const char* name;
  plan who;
  model::fault planted;
};

TEST_F(gate_model, FindsEveryPlantedFault) {
  constexpr plan plain{};
  constexpr plan symmetric{.symmetric = true};
  constexpr plan thieves{.thief = true};
  constexpr plan offers{.asks = 0, .blocks = true, .passer_by = true};
  constexpr plan both{.blocks = true, .passer_by = true};
  constexpr planted_case cases[] = {
      {"step 1 skipped", plain, {fault_kind::skipped, "enter_as", operation::store}},
      {"exchange relaxed", symmetric, {fault_kind::relaxed, "enter_as", operation::exchange}},
      {"exchange skipped", symmetric, {fault_kind::skipped, "enter_as", operation::exchange}},
      {"leave() relaxed", plain, {fault_kind::relaxed, "leave", operation::store}},
      {"ask() does not compare", both, {fault_kind::forced, "ask", operation::swap}},
      {"two ask at once", thieves, {fault_kind::skipped, "ask", operation::exchange}},
      {"finish_ask() sees no state", plain, {fault_kind::relaxed, "finish_ask", operation::load}},
      {"a lost take is taken for won", plain, {fault_kind::pretend, "finish_ask", operation::swap}},
      {"take does not compare", plain, {fault_kind::forced, "finish_ask", operation::swap}},
      {"a lost entry is taken for won", plain, {fault_kind::pretend, "enter_contended"}},
      {"entry does not compare", plain, {fault_kind::forced, "enter_contended"}},
      {"offer() relaxed", offers, {fault_kind::relaxed, "offer", operation::swap}},
      {"accept() relaxed", offers, {fault_kind::relaxed, "accept", operation::swap}},
      {"accept() does not compare", offers, {fault_kind::forced, "accept", operation::swap}},
      {"a lost accept is taken for won", offers, {fault_kind::pretend, "accept"}},
      {"end_offer() does not compare", offers, {fault_kind::forced, "end_offer", operation::swap}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, each.who, each.planted), "");
  }
}

}  // namespace
}  // namespace sluice::rt
