// Every execution of a reader on one descriptor with pollers, a deadline, a stopper and a closer,
// which compete for its park through the slot and the park word: one of them wins each park, no
// report is lost while the reader sleeps, a report for an earlier use does nothing, and what a
// poller noted before its report is seen by whoever takes the token. Then the same with faults.
#include "poller/wait_slot.h"

#include <bit>

#include "sched/park_word.h"
#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;
using slot_type = basic_wait_slot<model_atomics>;
using word_type = basic_park_word<model_atomics>;

class wait_slot_model : public model::fixture {};

constexpr std::uint32_t use = 3;  // the generation of the present use

// One fiber, as far as parking goes: its word, and the run queue that it comes back from.
struct parked_fiber {
  word_type word;
  model::semaphore runnable;
  model::ghost<int> winners;  // of the present park

  void begin() {
    winners.set(0);
    word.begin(true);
  }
  void wake(std::uint32_t epoch, wake_reason reason) {
    note(word.claim_and_release(epoch, reason));
  }
  void stop() { note(word.claim_stop()); }
  void note(claim_result result) {
    if (result == claim_result::lost) return;
    winners.add(1);
    expect(winners == 1, "two wakers won one park");
    if (result == claim_result::runnable) runnable.post();
  }
  // The switch away and back, and the end of the park.
  wake_reason sleep() {
    if (!word.save()) runnable.wait();
    return word.finish();
  }
};

struct plan {
  int items = 1;          // as many pollers, each delivers one
  bool deadline = false;  // for the first park only
  bool closer = false;
  bool stopper = false;
  bool items_come = true;
  bool skip_recheck = false;
  bool drop_claim = false;  // the poller takes the waiter out and wakes nobody
};

class reading {
 public:
  explicit reading(plan chosen) : plan_(chosen) { slot_.open(use); }

  void declare(model::engine& run) {
    run.add_thread("reader", [this] { read_all(); });
    for (int i = 0; plan_.items_come && i < plan_.items; ++i) {
      run.add_thread(i == 0 ? "poller" : "second poller", [this, i] { deliver(1u << i); });
    }
    if (plan_.deadline) {
      run.add_thread("deadline", [this] {
        timer_.sleep();
        fiber_.wake(0, wake_reason::deadline);
      });
    }
    if (plan_.closer) run.add_thread("closer", [this] { close(); });
    if (plan_.stopper) run.add_thread("stopper", [this] { stop(); });
    run.set_end([this] { expect(ended_, "the reader did not come to its end"); });
  }

 private:
  void read_all() {
    int got = 0;
    while (got < plan_.items) {
      model::forget_all_but(static_cast<std::uint64_t>(got));
      if (slot_.take_token(use)) see_what_was_noted();
      // The system call; the kernel's lock orders it.
      const int read = std::popcount(socket_.exchange(0u, std::memory_order_acq_rel));
      got += read;
      if (read == 0 && !wait()) break;
    }
    ended_.set(true);
  }

  // False: closed or stopped.
  bool wait() {
    if (must_end()) return false;
    fiber_.begin();
    const park_ref self{0, fiber_.word.epoch()};
    if (self.epoch == 0) timer_.post();
    const arm_result armed = slot_.arm(use, self);
    expect(armed != arm_result::stale, "the slot serves somebody else");
    if (armed == arm_result::consumed) see_what_was_noted();
    const bool ends = !plan_.skip_recheck && must_end();
    if (armed == arm_result::consumed || ends) {
      slot_.leave(use, 0);
      if (fiber_.word.withdraw()) return !ends;
    }
    fiber_.sleep();
    slot_.leave(use, 0);
    return !ends;
  }

  bool must_end() const {
    return (plan_.closer && closing_.load(std::memory_order_seq_cst)) ||
           (plan_.stopper && stop_.load(std::memory_order_seq_cst));
  }

  void deliver(std::uint32_t item) {
    socket_.fetch_or(item, std::memory_order_acq_rel);
    noted_.fetch_or(item, std::memory_order_relaxed);
    const auto park = slot_.notify(use);
    notified_.set(notified_ | item);
    if (park && !plan_.drop_claim) fiber_.wake(park->epoch, wake_reason::ready);
  }

  void close() {
    closing_.store(true, std::memory_order_seq_cst);
    if (const auto park = slot_.cancel(use)) fiber_.wake(park->epoch, wake_reason::closed);
  }

  void stop() {
    stop_.store(true, std::memory_order_seq_cst);
    fiber_.stop();
  }

  // A token was just taken: every poller whose notify had returned by then was part of it.
  void see_what_was_noted() {
    const std::uint32_t before = notified_;
    const std::uint32_t seen = noted_.load(std::memory_order_relaxed);
    expect((seen & before) == before, "a sticky bit came after its token");
  }

  const plan plan_;
  slot_type slot_;
  parked_fiber fiber_;
  model::semaphore timer_;
  model::atomic<std::uint32_t> socket_{0};
  model::atomic<std::uint32_t> noted_{0};  // the sticky bits
  model::atomic<bool> closing_{false};
  model::atomic<bool> stop_{false};
  model::ghost<std::uint32_t> notified_;
  model::ghost<bool> ended_;
};

// The descriptor's memory was used before, and a report of that time comes late.
class reuse {
 public:
  explicit reuse(bool ignores_the_generation) : ignores_(ignores_the_generation) {
    slot_.open(use - 1);
    generation_.set(use - 1);
  }

  void declare(model::engine& run) {
    run.add_thread("owner", [this] {
      slot_.close(use);
      generation_.set(use);
      expect(slot_.arm(use, {0, 0}) == arm_result::armed, "an old report left its token");
      slot_.leave(use, 0);
    });
    run.add_thread("late poller", [this] {
      for (int i = 0; i < 2; ++i) {
        std::uint32_t generation = use - 1;
        if (ignores_) generation = generation_;
        expect(!slot_.notify(generation), "an old report woke somebody");
      }
    });
    run.set_end([this] { expect(!slot_.has_token(), "an old report left its token"); });
  }

 private:
  const bool ignores_;
  slot_type slot_;
  model::ghost<std::uint32_t> generation_;
};

// Two fibers take turns in a slot. The first one gives up by its deadline and then waits for
// something else, in a park whose epoch the second fiber's equals: a report that took the first one
// out may wake it there once too often, and must not be lost to the second one.
class taking_turns {
 public:
  taking_turns() : first_{word_type(1), {}, {}}, second_{word_type(2), {}, {}} { slot_.open(use); }

  void declare(model::engine& run) {
    run.add_thread("first", [this] {
      read_once(first_, 0, true);
      turn_.post();
      wait_elsewhere();
    });
    run.add_thread("second", [this] {
      turn_.wait();
      while (!read_once(second_, 1, false)) {
      }
      ended_.set(true);
    });
    run.add_thread("deadline", [this] {
      timer_.sleep();
      first_.wake(1, wake_reason::deadline);
    });
    run.add_thread("poller", [this] {
      socket_.fetch_or(1, std::memory_order_acq_rel);
      if (const auto park = slot_.notify(use)) {
        (park->fiber == 0 ? first_ : second_).wake(park->epoch, wake_reason::ready);
      }
    });
    run.add_thread("partner", [this] {
      condition_.store(true, std::memory_order_release);
      // Once for each time that it parks there: a spurious wake-up makes it park again.
      for (int i = 0; i < 3; ++i) {
        elsewhere_.sleep();
        std::uint32_t epoch = 0;
        if (first_.word.waiting_epoch(epoch)) first_.wake(epoch, wake_reason::partner);
      }
    });
    run.set_end([this] { expect(ended_, "a fiber did not come to its end"); });
  }

 private:
  bool read_once(parked_fiber& self, std::uint32_t index, bool has_deadline) {
    slot_.take_token(use);
    if (!has_deadline && socket_.exchange(0u, std::memory_order_acq_rel) != 0) return true;
    self.begin();
    if (has_deadline) timer_.post();
    if (slot_.arm(use, {index, self.word.epoch()}) == arm_result::consumed) {
      // The first one's system call finds the item, and leaves it: it was not for this reader.
      if (self.word.withdraw()) return false;
    }
    self.sleep();
    slot_.leave(use, index);
    return false;
  }

  void wait_elsewhere() {
    first_.begin();
    elsewhere_.post();
    first_.sleep();
    while (!condition_.load(std::memory_order_acquire)) {
      first_.begin();
      elsewhere_.post();
      first_.sleep();
    }
  }

  slot_type slot_;
  parked_fiber first_, second_;
  model::semaphore turn_, timer_, elsewhere_;
  model::atomic<std::uint32_t> socket_{0};
  model::atomic<bool> condition_{false};
  model::ghost<bool> ended_;
};

constexpr plan two_items{.items = 2};
constexpr plan timed{.deadline = true};
constexpr plan closed{.closer = true, .items_come = false};
constexpr plan stopped{.stopper = true, .items_come = false};

TEST_F(wait_slot_model, NoReportIsLost) {
  expect_right(model::explore<reading>({.name = "slot: one poller"}, plan{}), 20);
  expect_right(model::explore<reading>({.name = "slot: two pollers"}, two_items), 1'000);
}

TEST_F(wait_slot_model, ADeadlineInBetweenLosesNoReport) {
  expect_right(model::explore<reading>({.name = "slot: poller, deadline"}, timed), 500);
}

TEST_F(wait_slot_model, ClosingWakesTheReader) {
  expect_right(model::explore<reading>({.name = "slot: closer"}, closed), 10);
  expect_right(model::explore<reading>({.name = "slot: poller, closer"}, plan{.closer = true}),
               300);
}

TEST_F(wait_slot_model, StoppingWakesTheReader) {
  expect_right(model::explore<reading>({.name = "slot: stopper"}, stopped), 10);
  expect_right(model::explore<reading>({.name = "slot: poller, stopper"}, plan{.stopper = true}),
               300);
}

// The smaller group on all of C++'s memory; all of them together on sequential memory.
TEST_F(wait_slot_model, AllWakersCompeteForOnePark) {
  if (leaves_out_heavy("all wakers of a slot")) return;
  constexpr plan three{.closer = true, .stopper = true};
  constexpr plan all{.deadline = true, .closer = true, .stopper = true};
  expect_right(model::explore<reading>(
                   {.name = "slot: poller, closer, stopper", .spurious_failures = 0}, three),
               1'000);
  expect_right(model::explore<reading>(
                   {.name = "slot: everybody", .sequential = true, .spurious_failures = 0}, all),
               1'000);
}

TEST_F(wait_slot_model, ALateReportDoesNothing) {
  expect_right(model::explore<reuse>({.name = "slot: late report"}, false), 10);
}

TEST_F(wait_slot_model, AnEpochThatIsTooNewIsHarmless) {
  expect_right(model::explore<taking_turns>({.name = "slot: taking turns", .spurious_failures = 0}),
               1'000);
}

TEST_F(wait_slot_model, FindsASkippedRecheck) {
  plan skipped = closed;
  skipped.skip_recheck = true;
  expect_found(model::explore<reading>({.name = "slot: re-check skipped"}, skipped), "deadlock",
               false);
  skipped = stopped;
  skipped.skip_recheck = true;
  expect_found(model::explore<reading>({.name = "slot: re-check of stop skipped"}, skipped),
               "deadlock", false);
}

TEST_F(wait_slot_model, FindsADroppedClaim) {
  expect_found(model::explore<reading>({.name = "slot: claim dropped"}, plan{.drop_claim = true}),
               "deadlock: nobody will wake reader", false);
}

TEST_F(wait_slot_model, FindsAnIgnoredGeneration) {
  expect_found(model::explore<reuse>({.name = "slot: generation ignored"}, true), "an old report",
               false);
  expect_found(model::explore<reuse>({.name = "slot: notify does not compare",
                                      .planted = {fault_kind::forced, "swap", operation::swap}},
                                     false),
               "an old report");
}

TEST_F(wait_slot_model, FindsAnEpochThatIsReadBeforeTheSwap) {
  expect_right(
      model::explore<reading>(
          {.name = "slot: two pollers, deadline", .sequential = true, .spurious_failures = 0},
          plan{.items = 2, .deadline = true}),
      1'000);
  // The report for the first item takes the waiter out with the first park's epoch, in the second
  // park, and the report for the second item merges with the token that this leaves.
  expect_found(model::explore<reading>({.name = "slot: epoch read early",
                                        .planted = {fault_kind::early, "reference"},
                                        .sequential = true},
                                       plan{.items = 2, .deadline = true}),
               "deadlock: nobody will wake reader");
}

struct planted_case {
  const char* name;
  plan who;
  model::fault planted;
  const char* how;
};

TEST_F(wait_slot_model, FindsEveryPlantedFault) {
  constexpr planted_case cases[] = {
      {"notify() relaxed", two_items, {fault_kind::relaxed, "swap", operation::swap}, ""},
      {"notify() relaxed, one report", timed, {fault_kind::relaxed, "swap", operation::swap}, ""},
      {"a merged report orders nothing",
       two_items,
       {fault_kind::elided, "swap", operation::swap},
       "sticky"},
      {"take_token() relaxed",
       two_items,
       {fault_kind::relaxed, "take_token", operation::swap},
       "sticky"},
      {"arm() relaxed", closed, {fault_kind::relaxed, "arm", operation::swap}, "deadlock"},
      {"cancel() relaxed", closed, {fault_kind::relaxed, "cancel", operation::load}, "deadlock"},
      {"arm() stores no epoch", timed, {fault_kind::skipped, "arm", operation::store}, "deadlock"},
      {"a lost notify is treated as done",
       two_items,
       {fault_kind::pretend, "swap", operation::swap},
       ""},
      {"arm() does not compare", plan{}, {fault_kind::forced, "arm", operation::swap}, "deadlock"},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    const std::string name = std::string("slot, fault: ") + each.name;
    expect_found(model::explore<reading>({.name = name, .planted = each.planted}, each.who),
                 each.how);
  }
}

}  // namespace
}  // namespace sluice::rt
