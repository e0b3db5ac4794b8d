// channel_scenario_test.h: a few tasks that send, receive, close and select, each its own program,
// and what must hold in every execution of them:
//
//   - a value whose send said that it went was received once or is in the channel; one whose send
//     said that it did not is where it was, and so is what a receive or a select did not take
//   - a select ran one case
//   - whoever comes back from a call is in no queue, and has been woken once
//   - at the end nobody waits for what is there: a value, a free cell, a partner, the end of the
//     channel; whoever has been claimed goes on
//   - nobody touches a channel that those whom it has served may destroy
//   - no receiver was told of the end of a channel that still has a value
//   - one sender's values come in their order, and of those who wait in a queue, the first is
//     served
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "sync/channel_pieces_test.h"

namespace sluice::detail::modelled {

using what = select_case::what;

struct act {
  what kind = what::never;
  std::size_t on = 0;  // which channel
  value_type value = 0;
};

struct step {
  enum class form : std::uint8_t { call, close, destroy, destroy_if_won, select };

  form how = form::call;
  act first;
  act second = {};     // a select's
  bool timed = false;  // its time passes at some time
};

// One sender's values are all below 4, from 4 to 7, from 8 to 11 or above.
inline step send(std::size_t on, value_type value) { return {.first = {what::send, on, value}}; }
inline step receive(std::size_t on) { return {.first = {what::receive, on}}; }
inline step close(std::size_t which) {
  return {.how = step::form::close, .first = {what::never, which}};
}
// By who may: whoever else uses it has been served before.
inline step destroy(std::size_t which) {
  return {.how = step::form::destroy, .first = {what::never, which}};
}
// Only if everybody else has been claimed.
inline step destroy_if_all_are_claimed(std::size_t which) {
  return {.how = step::form::destroy_if_won, .first = {what::never, which}};
}
inline step either(const step& one, const step& other) {
  return {.how = step::form::select,
          .first = one.first,
          .second = other.first,
          .timed = other.first.kind == what::time};
}
inline step in_time(step each) {
  each.timed = true;
  return each;
}
inline step time_passes() { return {.first = {what::time}}; }
inline step otherwise() { return {.first = {what::otherwise}}; }

using program = std::vector<step>;

struct plan {
  std::vector<program> programs;
  world::knobs with{};
  std::optional<std::size_t> stopped{};  // which task somebody asks to stop
  std::vector<drawn_order> draws{};      // one for each task that selects; the first ones
  bool all_end = true;                   // nobody may wait for ever
};

class scenario {
 public:
  explicit scenario(const plan& chosen) : plan_(chosen), world_(filled_in(chosen)) {
    for (std::size_t i = 0; i < plan_.draws.size(); ++i) tasks()[i]->order = plan_.draws[i];
  }

  void declare(model::engine& run) {
    for (std::size_t i = 0; i < tasks().size(); ++i) {
      run.add_thread("task " + std::to_string(i), [this, i] { follow(*tasks()[i]); });
    }
    for (std::size_t i = 0; i < tasks().size(); ++i) {
      if (!std::ranges::any_of(plan_.programs[i], &step::timed)) continue;
      run.add_thread("clock of task " + std::to_string(i), [this, i] { pass_time(*tasks()[i]); });
    }
    if (plan_.stopped) run.add_thread("stopper", [this] { stop(*tasks()[*plan_.stopped]); });
    run.set_end([this] { check_end(); });
  }

 private:
  static world::knobs filled_in(const plan& chosen) {
    world::knobs with = chosen.with;
    with.tasks = chosen.programs.size();
    with.stops = chosen.stopped.has_value();
    return with;
  }
  static deadline soon() { return time_point(std::chrono::nanoseconds(1)); }
  std::vector<std::unique_ptr<task>>& tasks() { return world_.tasks; }
  channel& on(std::size_t which) { return *world_.channels.at(which); }

  void pass_time(task& self) {
    const program& own = plan_.programs[self.index];
    // Only a select looks at the time.
    if (std::ranges::any_of(own, [](const step& each) { return each.how == step::form::select; })) {
      self.time_passed.store(true, std::memory_order_relaxed);
    }
    for (;;) {
      self.timer.sleep();
      model::forget_all_but(0);
      settle(self, self.word.claim_and_release(self.armed, rt::wake_reason::deadline));
    }
  }
  static void stop(task& target) {
    target.stop.store(true, std::memory_order_seq_cst);
    settle(target, target.word.claim_stop());
  }
  static void settle(task& target, rt::claim_result came_to) {
    if (came_to == rt::claim_result::lost) return;
    target.word.count();
    if (came_to == rt::claim_result::runnable) ready(target);
  }

  void follow(task& self) {
    for (const step& each : plan_.programs[self.index]) {
      begin(self, each);
      switch (each.how) {
        case step::form::call:
          call(self, each);
          break;
        case step::form::close:
          expect(on(each.first.on).rules.close(), "a channel was closed already");
          break;
        case step::form::destroy_if_won:
          if (are_others_claimed(self)) destroy(on(each.first.on));
          break;
        case step::form::destroy:
          destroy(on(each.first.on));
          break;
        case step::form::select:
          choose(self, each);
          break;
      }
      world_.check_left(self, "a queue has the entry of a call that is over");
      self.inside.set(false);
    }
    self.ended.set(true);
  }

  static void destroy(channel& which) {
    which.rules.guard.lock();
    which.rules.guard.unlock();
    which.destroyed.set(true);
  }
  bool are_others_claimed(const task& self) {
    return std::ranges::all_of(
        tasks(), [&](const auto& each) { return each.get() == &self || each->word.is_won(); });
  }

  void begin(task& self, const step& each) {
    self.calls.add(1);
    self.inside.set(true);
    for (std::size_t i = 0; i < self.places.size(); ++i) {
      const act& one = i == 0 ? each.first : each.second;
      place& mine = self.places[i];
      mine.value = one.kind == what::send ? one.value : 0;
      mine.checked.write(mine.value);
    }
    self.publish();
  }

  void call(task& self, const step& each) {
    const channel_core::patience how{.until = each.timed ? soon() : deadline::none()};
    const act& one = each.first;
    value_type* const at = &self.places[0].value;
    const result<void> went =
        one.kind == what::send ? on(one.on).send(at, how) : on(one.on).receive(at, how);
    account(self, one, 0, went.has_value(), !went && went.error() == errc::closed);
    if (!went) check_error(self, each, went.error());
  }

  void choose(task& self, const step& each) {
    std::array<one_case, 2> cases;
    std::array<one_case*, 2> erased{};
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const act& one = i == 0 ? each.first : each.second;
      const bool moves = one.kind == what::send || one.kind == what::receive;
      cases[i].kind = one.kind;
      cases[i].on = moves ? &on(one.on) : nullptr;
      cases[i].value = &self.places[i].value;
      cases[i].until = one.kind == what::time ? soon() : deadline::none();
      erased[i] = &cases[i];
    }
    const result<std::size_t> ran = basic_selection<waits>(erased).run();
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const bool is_it = ran && *ran == i;
      account(self, i == 0 ? each.first : each.second, i, is_it && !cases[i].closed,
              is_it && cases[i].closed);
    }
    if (!ran) check_error(self, each, ran.error());
  }

  void check_error(const task& self, const step& each, const error& why) {
    const bool right = why == errc::closed || (why == errc::deadline_exceeded && each.timed) ||
                       (why == errc::operation_canceled && plan_.stopped == self.index);
    expect(right, "a call failed for no reason");
  }

  // What a call says of one act, and what is in its place.
  void account(task& self, const act& one, std::size_t where, bool went, bool ended) {
    place& mine = self.places[where];
    model::engine::here().note(mine.value);
    if (world_.with.moves) {
      expect(mine.checked.read() == mine.value, "a value changed while nobody moved it");
    }
    if (one.kind == what::send) {
      expect(mine.value == (went && world_.with.moves ? 0 : one.value),
             "a value is gone although it was not sent, or the other way round");
      if (went) sent_.set(sent_ | 1u << one.value);
    } else if (one.kind == what::receive) {
      expect(went == (mine.value != 0), "a receive got a value and denies it, or has none");
      if (went) note_receipt(self, mine.value);
      if (ended) told_.set(told_ | 1u << one.on);
    }
  }

  void note_receipt(task& self, value_type value) {
    const std::uint32_t bit = 1u << value;
    expect((received_ & bit) == 0, "a value was received twice");
    received_.set(received_ | bit);
    const std::uint32_t of_its_sender = 0xfu << (value / 4 * 4);
    expect((self.received & of_its_sender) < bit, "a sender's values overtook each other");
    self.received.set(self.received | bit);
  }

  void check_end() {
    std::uint32_t left = 0;
    for (std::size_t i = 0; i < world_.channels.size(); ++i) {
      const std::uint32_t in_it = check_channel(on(i).rules, on(i), (told_ >> i & 1) != 0);
      expect((left & in_it) == 0, "a value is twice in the channels");
      left |= in_it;
    }
    expect((left & received_) == 0, "a value was received, and is still in the channel");
    expect(sent_ == (left | received_), "a value is lost, or came although its send failed");
    for (const auto& each : tasks()) {
      const bool waits = (each->word.flags() & counted_word::waiting) != 0;
      expect(each->ended || (waits && !plan_.all_end), "the wake-up is lost");
    }
  }

  // Returns the values that are in it.
  std::uint32_t check_channel(const basic_channel<waits>& rules, const channel& whole, bool told) {
    std::uint32_t left = 0;
    for (std::size_t i = 0; i < rules.full_count; ++i) {
      left |= 1u << whole.value_in(rules.full[(rules.full_begin + i) % rules.full.size()]);
    }
    expect(rules.full_count + rules.free_count == rules.full.size() && rules.filling == 0,
           "a cell is lost");
    expect(!told || left == 0, "a receiver was told of the end before the last value");
    if (!rules.receivers.empty()) {
      expect(!rules.closed && left == 0, "a receiver waits for what is there");
    }
    if (!rules.senders.empty()) {
      expect(!rules.closed && rules.free_count == 0, "a sender waits for what is there");
    }
    for (std::size_t i = 0; i < rules.receivers.size(); ++i) {
      expect(!rules.senders.has_others(rules.receivers.at(i)), "two wait for each other");
    }
    return left;
  }

  const plan plan_;
  world world_;
  model::ghost<std::uint32_t> sent_;  // a bit for each value, as those below
  model::ghost<std::uint32_t> received_;
  model::ghost<std::uint32_t> told_;  // of which channels somebody has been told the end
};

inline model::outcome explore(const std::string& name, const plan& chosen,
                              model::fault planted = {}, bool sequential = false) {
  return model::explore<scenario>({.name = name, .planted = planted, .sequential = sequential},
                                  chosen);
}

class both_ways : public model::fixture {
 protected:
  // With values that are copied under the guard, and with values that are moved without it.
  static void expect_right_both_ways(const std::string& name, plan chosen, std::size_t at_least,
                                     bool sequential = false) {
    for (const bool moves : {false, true}) {
      chosen.with.moves = moves;
      const char* const how = moves ? ", moved" : ", copied";
      expect_right(explore(name + how, chosen, {}, sequential), at_least);
    }
  }
};

// A scenario with something planted in it.
struct planted_case {
  const char* name;
  plan what;
  const char* how;  // a part of the failure's sentence
  broken piece = broken::nothing;
  model::fault operation{};

  [[nodiscard]] bool is_of_operation() const { return operation.kind != model::fault_kind::none; }
};

inline model::outcome explore(const std::string& prefix, const planted_case& each) {
  plan faulty = each.what;
  faulty.with.fault = each.piece;
  return explore(prefix + ", fault: " + each.name, faulty, each.operation);
}

}  // namespace sluice::detail::modelled
