// Every execution of a waiter that gives up and waits again, a fiber that ends, and somebody who
// stops it: the waiter is woken with the epoch of the park that it is in, it sees the result, and
// the control block is not touched once it may serve another. Then the same with faults.
#include "sched/join_word.h"

#include <string>

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;

class join_word_model : public model::fixture {};

struct plan {
  bool give_up_first = false;  // the waiter leaves once before it waits for good
  bool stop = false;           // somebody stops the fiber meanwhile
  bool skip_look = false;      // the waiter sleeps although enter() has said `ended`
  bool skip_stoppers = false;  // the fiber does not wait for who stops it
};

// The park is a semaphore that is posted by whoever names the present epoch.
class one_join {
 public:
  explicit one_join(plan chosen) : plan_(chosen) {}

  void declare(model::engine& run) {
    run.add_thread("waiter", [this] {
      if (plan_.give_up_first) {
        epoch_.set(1);
        (void)word_.enter(waiter, 1);
        word_.leave(waiter);
      }
      epoch_.set(2);
      if (!word_.is_ended() && (word_.enter(waiter, 2) || plan_.skip_look)) woken_.wait();
      word_.leave(waiter);
      expect(word_.is_ended(), "the waiter was woken before the end");
      expect(result_.read() == 1, "the result is missing");
    });
    run.add_thread("fiber", [this] {
      result_.write(1);
      if (const auto who = word_.finish()) {
        expect(who->who == waiter, "somebody else waits");
        // A claim for a park that is over fails, as park_word's does.
        if (who->epoch == epoch_) woken_.post();
      }
      while (!plan_.skip_stoppers && word_.being_stopped()) model::forget_all_but(0);
      block_.write(2);
    });
    if (!plan_.stop) return;
    run.add_thread("stopper", [this] {
      if (!word_.begin_stop()) return;
      block_.write(1);
      word_.end_stop();
    });
  }

 private:
  static constexpr std::uint64_t waiter = 64;

  const plan plan_;
  basic_join_word<model_atomics> word_;
  model::var<int> result_;
  model::var<int> block_;  // the control block: the stopper's, or its next fiber's
  model::semaphore woken_;
  model::ghost<std::uint32_t> epoch_;
};

model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  return model::explore<one_join>({.name = "join: " + name, .planted = planted}, chosen);
}

TEST_F(join_word_model, TheWaiterIsWokenAndSeesTheResult) {
  expect_right(explore("waits", {}), 5);
  expect_right(explore("gives up, waits again", {.give_up_first = true}), 10);
}

TEST_F(join_word_model, WhoStopsItTouchesNoBlockOfAnother) {
  expect_right(explore("stopped", {.stop = true}), 20);
  expect_right(explore("stopped, and gives up", {.give_up_first = true, .stop = true}), 40);
}

TEST_F(join_word_model, FindsEachStepThatIsLeftOut) {
  expect_found(explore("look left out", {.skip_look = true}), "", false);
  expect_found(explore("stoppers left out", {.stop = true, .skip_stoppers = true}), "", false);
}

struct planted_case {
  const char* name;
  plan who;
  model::fault planted;
};

TEST_F(join_word_model, FindsEveryPlantedFault) {
  constexpr plan twice{.give_up_first = true};
  constexpr plan stopped{.stop = true};
  constexpr planted_case cases[] = {
      {"enter() relaxed", twice, {fault_kind::relaxed, "enter", operation::swap}},
      {"enter() does not compare", twice, {fault_kind::forced, "enter", operation::swap}},
      {"a lost enter is taken for done", {}, {fault_kind::pretend, "enter", operation::swap}},
      {"enter() changes nothing", {}, {fault_kind::skipped, "enter", operation::swap}},
      {"leave() does not compare", twice, {fault_kind::forced, "leave", operation::swap}},
      {"is_ended() relaxed", {}, {fault_kind::relaxed, "is_ended", operation::load}},
      {"finish() relaxed", {}, {fault_kind::relaxed, "finish", operation::exchange}},
      {"being_stopped() relaxed", stopped, {fault_kind::relaxed, "being_stopped", operation::load}},
      {"end_stop() relaxed", stopped, {fault_kind::relaxed, "end_stop"}},
      {"begin_stop() counts nothing", stopped, {fault_kind::skipped, "begin_stop"}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, each.who, each.planted), "");
  }
}

}  // namespace
}  // namespace sluice::rt
