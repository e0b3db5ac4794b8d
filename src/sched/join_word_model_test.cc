// Every execution of a waiter that gives up and waits again, or goes away, a fiber that ends, and
// somebody who stops it: the waiter is woken with the epoch of the park that it is in, it sees the
// result, the control block is not touched once it may serve another, and the shared memory is
// freed once, by whoever comes last. Then the same with faults.
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
  bool go_away = false;        // the handle is abandoned instead of waiting for good
  bool stop = false;           // somebody stops the fiber meanwhile
  bool skip_look = false;      // the waiter sleeps although enter() has said `ended`
  bool skip_stoppers = false;  // a stopper does not count itself
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
      if (plan_.go_away) {
        if (!word_.abandon([] { model::forget_all_but(0); })) free_memory();
        return;
      }
      epoch_.set(2);
      while (!word_.is_ended()) {
        if (word_.enter(waiter, 2) || plan_.skip_look) woken_.wait();
        word_.leave(waiter);
        model::forget_all_but(0);
      }
      expect(result_.read() == 1, "the result is missing");
      free_memory();
    });
    run.add_thread("fiber", [this] {
      result_.write(1);
      const auto end = word_.finish([] { model::forget_all_but(0); });
      block_.write(2);
      if (end.abandoned) free_memory();
      if (end.who == 0) return;
      expect(end.who == waiter, "somebody else waits");
      // A claim for a park that is over fails, as park_word's does.
      if (end.epoch == epoch_) woken_.post();
    });
    run.set_end([this] { expect(freed_ == 1, "the memory is not freed once"); });
    if (!plan_.stop) return;
    run.add_thread("stopper", [this] {
      if (!plan_.skip_stoppers && !word_.begin_stop()) return;
      block_.write(1);
      if (!plan_.skip_stoppers) word_.end_stop();
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
  model::var<int> memory_;  // written by whoever frees it: nobody may be behind
  model::ghost<int> freed_;

  void free_memory() {
    memory_.write(result_.read());
    freed_.add(1);
  }
};

model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  return model::explore<one_join>({.name = "join: " + name, .planted = planted}, chosen);
}

TEST_F(join_word_model, TheWaiterIsWokenAndSeesTheResult) {
  expect_right(explore("waits", {}), 5);
  expect_right(explore("gives up, waits again", {.give_up_first = true}), 10);
}

TEST_F(join_word_model, WhoeverComesLastFreesTheMemory) {
  expect_right(explore("goes away", {.go_away = true}), 3);
  expect_right(explore("gives up, goes away", {.give_up_first = true, .go_away = true}), 10);
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
  constexpr plan gone{.go_away = true};
  constexpr planted_case cases[] = {
      {"enter() relaxed", twice, {fault_kind::relaxed, "enter", operation::swap}},
      {"enter() does not compare", twice, {fault_kind::forced, "enter", operation::swap}},
      {"a lost enter is taken for done", {}, {fault_kind::pretend, "enter", operation::swap}},
      {"enter() changes nothing", {}, {fault_kind::skipped, "enter", operation::swap}},
      {"leave() does not compare", twice, {fault_kind::forced, "leave", operation::swap}},
      {"is_ended() relaxed", {}, {fault_kind::relaxed, "is_ended", operation::load}},
      {"finish() relaxed", {}, {fault_kind::relaxed, "finish", operation::swap}},
      {"finish() does not compare", stopped, {fault_kind::forced, "finish", operation::swap}},
      {"the end of ending is relaxed", twice, {fault_kind::relaxed, "finish", operation::store}},
      {"end_stop() relaxed", stopped, {fault_kind::relaxed, "end_stop"}},
      {"begin_stop() counts nothing", stopped, {fault_kind::skipped, "begin_stop"}},
      {"abandon() relaxed", gone, {fault_kind::relaxed, "abandon", operation::swap}},
      {"abandon() does not compare", gone, {fault_kind::forced, "abandon", operation::swap}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, each.who, each.planted), "");
  }
}

}  // namespace
}  // namespace sluice::rt
