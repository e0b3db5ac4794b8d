// Every execution of small programs around park_word: one winner for each park, one resumption, no
// wake-up lost, nobody on a stack or frame that is somebody else's. Then the same with faults.
#include "sched/park_word.h"

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault;
using model::fault_kind;
using model::model_atomics;
using model::operation;
using word_type = basic_park_word<model_atomics>;

class park_word_model : public model::fixture {};

// Which wakers take part, and what somebody forgets.
struct plan {
  bool partner = false;
  bool deadline = false;
  bool canceller = false;
  bool onlooker = false;
  bool can_stop = true;
  bool skip_recheck = false;      // the fiber does not look at the stop flag after begin
  bool forget_release = false;    // the partner wins and walks away
  bool ignore_the_claim = false;  // the deadline makes the fiber runnable although it lost
};

// One park of one fiber. `worker` is the fiber up to its switch, and its worker after it; `other`
// is the worker that takes the fiber from a run queue. They are two threads, so that the saved
// context and the frame reach the second one through the park word or not at all.
class one_park {
 public:
  explicit one_park(plan chosen) : plan_(chosen) {}

  void declare(model::engine& run) {
    run.add_thread("worker", [this] { park(); });
    run.add_thread("other", [this] {
      runnable_.sleep();
      resume();
    });
    if (plan_.partner) run.add_thread("partner", [this] { wake_as_partner(); });
    if (plan_.deadline) run.add_thread("deadline", [this] { wake_as_deadline(); });
    if (plan_.canceller) run.add_thread("canceller", [this] { cancel(); });
    if (plan_.onlooker) run.add_thread("onlooker", [this] { look(); });
    run.set_end([this] {
      expect(went_on_ == 1, went_on_ == 0 ? "the wake-up is lost" : "the fiber went on twice");
      expect(winners_ <= 1, "two wakers won one park");
    });
  }

 private:
  void park() {
    frame_.write(1);
    word_.begin(plan_.can_stop);
    queue_.post();
    timer_.post();
    if (!plan_.skip_recheck && plan_.can_stop && stop_.load(std::memory_order_seq_cst) &&
        word_.withdraw()) {
      frame_.write(2);
      went_on_.add(1);
      return;
    }
    context_.write(1);  // the switch away: until `saved`, the stack runs
    if (word_.save()) runnable_.post();
  }

  void resume() {
    context_.write(2);
    const int frame = frame_.read();
    const wake_reason reason = word_.finish();
    expect(frame == (reason == wake_reason::partner ? 7 : 1), "the winner's word did not arrive");
    went_on_.add(1);
  }

  void wake_as_partner() {
    queue_.wait();
    if (!word_.claim(0, wake_reason::partner)) return;
    winners_.add(1);
    frame_.write(7);  // the value is moved into the parked frame
    if (plan_.forget_release) return;
    if (word_.release()) runnable_.post();
  }

  void wake_as_deadline() {
    timer_.wait();
    switch (word_.claim_and_release(0, wake_reason::deadline)) {
      case claim_result::lost:
        if (plan_.ignore_the_claim) runnable_.post();
        return;
      case claim_result::won:
        winners_.add(1);
        return;
      case claim_result::runnable:
        winners_.add(1);
        runnable_.post();
        return;
    }
  }

  void cancel() {
    stop_.store(true, std::memory_order_seq_cst);
    const claim_result result = word_.claim_stop();
    if (result == claim_result::lost) return;
    expect(plan_.can_stop, "a shielded park was stopped");
    winners_.add(1);
    if (result == claim_result::runnable) runnable_.post();
  }

  void look() {
    timer_.wait();
    if (!word_.borrow()) return;
    (void)context_.read();
    if (word_.save()) runnable_.post();
  }

  const plan plan_;
  word_type word_;
  model::atomic<bool> stop_{false};
  model::var<int> frame_;
  model::var<int> context_;
  model::semaphore queue_;  // where the partner finds {fiber, epoch}
  model::semaphore timer_;  // the same for the deadline
  model::semaphore runnable_;
  model::ghost<int> went_on_;
  model::ghost<int> winners_;
};

// Two parks in a row, and a deadline that belongs to the first one only, and may come late.
class two_parks {
 public:
  explicit two_parks(bool ignores_the_epoch) : ignores_the_epoch_(ignores_the_epoch) {}

  void declare(model::engine& run) {
    run.add_thread("first worker", [this] { park(); });
    run.add_thread("second worker", [this] {
      runnable_[0].sleep();
      context_.write(2);
      word_.finish();
      park();
    });
    run.add_thread("third worker", [this] {
      runnable_[1].sleep();
      context_.write(2);
      expect(word_.finish() == wake_reason::partner, "a late waker woke the next park");
      done_.set(true);
    });
    run.add_thread("deadline", [this] { fire(); });
    run.add_thread("partner", [this] { wake(); });
    run.set_end([this] { expect(done_, "the wake-up is lost"); });
  }

 private:
  void park() {
    word_.begin(false);
    const std::uint32_t epoch = word_.epoch();
    (epoch == 0 ? timer_ : queue_).post();
    context_.write(1);
    if (word_.save()) make_runnable();
  }

  // The first park's deadline fires, and its late double comes for the same epoch.
  void fire() {
    timer_.wait();
    for (int i = 0; i < 2; ++i) {
      std::uint32_t epoch = 0;
      if (ignores_the_epoch_ && i == 1 && !word_.waiting_epoch(epoch)) return;
      if (word_.claim_and_release(epoch, wake_reason::deadline) == claim_result::runnable) {
        make_runnable();
      }
    }
  }

  void wake() {
    queue_.wait();
    if (word_.claim(1, wake_reason::partner) && word_.release()) make_runnable();
  }

  void make_runnable() {
    expect(resumptions_ < 2, "the fiber went on too often");
    runnable_[resumptions_].post();
    resumptions_.add(1);
  }

  const bool ignores_the_epoch_;
  word_type word_;
  model::var<int> context_;
  model::semaphore queue_, timer_, runnable_[2];
  model::ghost<int> resumptions_;
  model::ghost<bool> done_;
};

constexpr plan everybody{.partner = true, .deadline = true, .canceller = true};

TEST_F(park_word_model, EachPairOfWakersWakesOnce) {
  expect_right(model::explore<one_park>({.name = "park: partner, deadline"},
                                        plan{.partner = true, .deadline = true}),
               100);
  expect_right(model::explore<one_park>({.name = "park: partner, canceller"},
                                        plan{.partner = true, .canceller = true}),
               300);
  expect_right(model::explore<one_park>({.name = "park: canceller"}, plan{.canceller = true}), 20);
}

TEST_F(park_word_model, ThreeWakersCompeteAndOneWins) {
  expect_right(model::explore<one_park>({.name = "park: everybody"}, everybody), 3'000);
}

TEST_F(park_word_model, AnOnlookerDelaysAndLosesNoWakeUp) {
  expect_right(model::explore<one_park>({.name = "park: partner, onlooker"},
                                        plan{.partner = true, .onlooker = true}),
               100);
  expect_right(model::explore<one_park>({.name = "park: canceller, onlooker"},
                                        plan{.canceller = true, .onlooker = true}),
               100);
  expect_right(model::explore<one_park>({.name = "park: partner, canceller, onlooker"},
                                        plan{.partner = true, .canceller = true, .onlooker = true}),
               1'000);
}

TEST_F(park_word_model, AShieldedParkIsNotStopped) {
  plan shielded = everybody;
  shielded.can_stop = false;
  expect_right(model::explore<one_park>({.name = "park: shielded"}, shielded), 300);
}

TEST_F(park_word_model, ALateWakerDoesNotWakeTheNextPark) {
  expect_right(model::explore<two_parks>({.name = "park: two in a row"}, false), 100);
}

// What was looked at belongs to no park then, and the one that begins has the same epoch.
TEST(ParkWord, AStopTakesNoParkThatBeginsWhileItLooks) {
  rt::park_word word;
  const auto begins_meanwhile = [&] {
    word.begin(true);
    return true;
  };
  EXPECT_EQ(word.claim_stop(begins_meanwhile), rt::claim_result::lost);
}

TEST_F(park_word_model, FindsASkippedRecheck) {
  expect_found(model::explore<one_park>({.name = "park: re-check skipped"},
                                        plan{.canceller = true, .skip_recheck = true}),
               "lost", false);
}

TEST_F(park_word_model, FindsADroppedClaim) {
  expect_found(model::explore<one_park>({.name = "park: release forgotten"},
                                        plan{.partner = true, .forget_release = true}),
               "lost", false);
  expect_found(
      model::explore<one_park>({.name = "park: loser wakes"},
                               plan{.partner = true, .deadline = true, .ignore_the_claim = true}),
      "", false);
}

TEST_F(park_word_model, FindsAnIgnoredEpoch) {
  expect_found(model::explore<two_parks>({.name = "park: epoch ignored"}, true),
               "a late waker woke the next park", false);
  expect_found(
      model::explore<two_parks>({.name = "park: epoch kept",
                                 .planted = {fault_kind::skipped, "finish", operation::store}},
                                false),
      "");
}

struct planted_case {
  const char* name;
  plan who;
  fault planted;
  const char* how;
};

// Not here: withdraw() relaxed, which nothing depends on. Its winner is the fiber itself, and a
// fiber that loses goes on through save(), which orders it.
TEST_F(park_word_model, FindsEveryPlantedFault) {
  constexpr plan stop{.canceller = true};
  constexpr plan all = everybody;
  constexpr plan seen{.partner = true, .onlooker = true};
  constexpr planted_case cases[] = {
      {"release() relaxed", all, {fault_kind::relaxed, "release", operation::modify}, "data race"},
      {"save() relaxed", all, {fault_kind::relaxed, "save", operation::modify}, "data race"},
      {"claim relaxed", all, {fault_kind::relaxed, "take", operation::swap}, "data race"},
      {"begin() relaxed", stop, {fault_kind::relaxed, "begin", operation::store}, "lost"},
      {"claim_stop() relaxed", stop, {fault_kind::relaxed, "claim_stop", operation::load}, "lost"},
      {"release() torn", all, {fault_kind::torn, "release", operation::modify}, ""},
      {"save() torn", all, {fault_kind::torn, "save", operation::modify}, ""},
      {"release() skipped", all, {fault_kind::skipped, "release", operation::modify}, "lost"},
      {"save() skipped", all, {fault_kind::skipped, "save", operation::modify}, ""},
      {"a lost claim is treated as won", all, {fault_kind::pretend, "take", operation::swap}, ""},
      {"a claim does not compare", all, {fault_kind::forced, "take", operation::swap}, ""},
      {"borrow() relaxed", seen, {fault_kind::relaxed, "borrow", operation::swap}, "data race"},
      {"a refused borrow() is treated as done", seen, {fault_kind::pretend, "borrow"}, ""},
      {"a lost withdrawal is treated as won", all, {fault_kind::pretend, "withdraw"}, ""},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    const std::string name = std::string("park, fault: ") + each.name;
    expect_found(model::explore<one_park>({.name = name, .planted = each.planted}, each.who),
                 each.how);
  }
}

}  // namespace
}  // namespace sluice::rt
