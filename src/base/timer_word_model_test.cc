// Every execution of an owner that moves or stops its timer while heaps expire it: a deadline that
// stands is fired once its time has come and not before, a stopped one is not fired, what the owner
// wrote for a time is seen by whoever fires it, and a timer that changes heaps is touched by one of
// them only. Then the same with faults.
#include "base/timer_word.h"

#include <string>

#include "testing/model_fixture.h"

namespace sluice::rt {
namespace {

using model::expect;
using model::fault_kind;
using model::model_atomics;
using model::operation;
using word_type = basic_timer_word<model_atomics>;

class timer_word_model : public model::fixture {};

constexpr std::int64_t early = 1;
constexpr std::int64_t late = 2;

enum class change : std::uint8_t { later, earlier, stop, stop_and_arm };

struct plan {
  change what = change::later;
  std::size_t next_heap = 0;    // where the timer goes when it stands in no heap
  bool skip_insertion = false;  // a mover that finds the timer unlinked walks away
  bool skip_lock = false;       // a mover to an earlier time unlinks without the heap's lock
  bool fire_stopped = false;    // expiry fires whatever it has unlinked
  bool trust_the_key = false;   // expiry fires what its key says is due
};

// One heap, as far as one timer goes. Its key lags behind the timer's time.
struct heap {
  model::mutex lock;
  model::var<std::int64_t> key;  // 0: the timer does not stand here
};

// The timer stands in heap 0. Its owner changes it as timers.cc does, while both heaps expire it.
class one_timer {
 public:
  explicit one_timer(plan chosen) : plan_(chosen) {
    const std::int64_t first = plan_.what == change::earlier ? late : early;
    heaps_[0].key.write(first);
    word_.link(first);
    time_.set(first);
  }

  void declare(model::engine& run) {
    run.add_thread("owner", [this] {
      if (plan_.what == change::stop || plan_.what == change::stop_and_arm) stop();
      if (plan_.what != change::stop) arm(goal());
      changed_.post();
    });
    run.add_thread("heaps", [this] {
      expire(heaps_[0], early);
      expire(heaps_[0], late);
      if (plan_.next_heap == 1) expire(heaps_[1], late);
      changed_.wait();
      expire(heaps_[0], late);
      expire(heaps_[1], late);
    });
    run.set_end([this] {
      expect(plan_.what == change::stop || fired_ == goal(), "a deadline that stands did not fire");
      expect(!word_.is_linked(), "the timer is left linked");
      expect(heaps_[0].key.read() == 0 && heaps_[1].key.read() == 0, "a heap has kept the timer");
    });
  }

 private:
  std::int64_t goal() const { return plan_.what == change::earlier ? early : late; }

  void stop() {
    word_.stop();
    stopped_.set(true);
  }

  void arm(std::int64_t when) {
    note_.store(when, std::memory_order_relaxed);
    if (word_.move_later(when)) {
      set_to(when);
      return;
    }
    if (plan_.skip_insertion) return;
    unlink();
    heap& home = heaps_[plan_.next_heap];
    home.lock.lock();
    node_.write(node_.read() + 1);
    home.key.write(when);
    word_.link(when);
    set_to(when);
    home.lock.unlock();
  }
  // In one step with the operation that has done it.
  void set_to(std::int64_t when) {
    time_.set(when);
    stopped_.set(false);
  }

  void unlink() {
    if (!word_.is_linked()) return;
    if (!plan_.skip_lock) heaps_[0].lock.lock();
    if (word_.is_linked()) {
      node_.write(node_.read() + 1);
      heaps_[0].key.write(0);
      word_.unlink();
    }
    if (!plan_.skip_lock) heaps_[0].lock.unlock();
  }

  void expire(heap& home, std::int64_t now) {
    home.lock.lock();
    const std::int64_t key = home.key.read();
    if (key != 0 && key <= now) look(home, now);
    home.lock.unlock();
  }

  void look(heap& home, std::int64_t now) {
    node_.write(node_.read() + 1);
    home.key.write(0);
    switch (word_.expire(now)) {
      case expiry::due:
        return fire(now);
      case expiry::later:
        if (plan_.trust_the_key) return fire(now);
        node_.write(node_.read() + 1);
        home.key.write(word_.time());
        return;
      case expiry::stopped:
        expect(stopped_, "a timer that is not stopped was taken for one");
        if (plan_.fire_stopped) fire(now);
        return;
    }
  }

  // In one step with the operation that has unlinked the timer.
  void fire(std::int64_t now) {
    expect(!stopped_, "a stopped timer was fired");
    expect(time_ <= now, "a timer was fired before its time");
    fired_.set(time_);
    const bool moved = plan_.what != change::earlier && fired_ == late;
    expect(!moved || note_.load(std::memory_order_relaxed) == late,
           "what the owner wrote for its time is not seen");
  }

  const plan plan_;
  word_type word_;
  heap heaps_[2];
  model::var<int> node_;                 // the links that heaps keep in the timer
  model::atomic<std::int64_t> note_{0};  // what the owner writes for a time
  model::semaphore changed_;
  model::ghost<std::int64_t> time_;  // that the word stands for
  model::ghost<bool> stopped_;
  model::ghost<std::int64_t> fired_;  // the time that was fired last
};

model::outcome explore(const std::string& name, plan chosen, model::fault planted = {}) {
  return model::explore<one_timer>({.name = "timer: " + name, .planted = planted}, chosen);
}

TEST_F(timer_word_model, AMovedTimerFiresAtItsNewTime) {
  expect_right(explore("moved later", {}), 30);
  expect_right(explore("moved later, to another heap", {.next_heap = 1}), 30);
  expect_right(explore("moved earlier", {.what = change::earlier}), 30);
  expect_right(explore("moved earlier, to another heap", {.what = change::earlier, .next_heap = 1}),
               30);
}

TEST_F(timer_word_model, AStoppedTimerDoesNotFire) {
  expect_right(explore("stopped", {.what = change::stop}), 20);
  expect_right(explore("stopped and armed", {.what = change::stop_and_arm}), 30);
  expect_right(
      explore("stopped and armed, in another heap", {.what = change::stop_and_arm, .next_heap = 1}),
      50);
}

TEST_F(timer_word_model, FindsEachStepThatIsLeftOut) {
  expect_found(explore("insertion left out", {.skip_insertion = true}), "did not fire", false);
  expect_found(explore("lock left out", {.what = change::earlier, .skip_lock = true}), "", false);
  expect_found(explore("a stopped timer is fired", {.what = change::stop, .fire_stopped = true}),
               "stopped", false);
  expect_found(explore("the key is trusted", {.trust_the_key = true}), "before its time", false);
}

struct planted_case {
  const char* name;
  plan who;
  model::fault planted;
};

// Not here: link() and unlink() relaxed, which the lock orders, and stop() relaxed, which it is.
TEST_F(timer_word_model, FindsEveryPlantedFault) {
  constexpr plan later{};
  constexpr plan elsewhere{.next_heap = 1};
  constexpr plan nearer{.what = change::earlier, .next_heap = 1};
  constexpr plan stopped{.what = change::stop};
  constexpr planted_case cases[] = {
      {"expire() relaxed", later, {fault_kind::relaxed, "expire", operation::swap}},
      {"expire() relaxed, two heaps", nearer, {fault_kind::relaxed, "expire", operation::swap}},
      {"is_linked() relaxed", elsewhere, {fault_kind::relaxed, "is_linked", operation::load}},
      {"expire() does not compare", later, {fault_kind::forced, "expire", operation::swap}},
      {"a lost expiry is taken for done", later, {fault_kind::pretend, "expire", operation::swap}},
      {"expire() unlinks nothing", stopped, {fault_kind::skipped, "expire", operation::swap}},
      {"move_later() relaxed", later, {fault_kind::relaxed, "move_later", operation::swap}},
      {"move_later() does not compare", later, {fault_kind::forced, "move_later"}},
      {"a lost move is taken for done", later, {fault_kind::pretend, "move_later"}},
      {"move_later() changes nothing", later, {fault_kind::skipped, "move_later"}},
      {"stop() does not compare", stopped, {fault_kind::forced, "stop", operation::swap}},
      {"a lost stop is taken for done", stopped, {fault_kind::pretend, "stop", operation::swap}},
      {"stop() changes nothing", stopped, {fault_kind::skipped, "stop", operation::swap}},
  };
  for (const planted_case& each : cases) {
    SCOPED_TRACE(each.name);
    expect_found(explore(std::string("fault: ") + each.name, each.who, each.planted), "");
  }
}

}  // namespace
}  // namespace sluice::rt
