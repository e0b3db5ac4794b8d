// channel_model_test.h: what the models of channels and select run the shipped rules with
// (channel_rules.h, select_rules.h): tasks that park with the shipped park word, guards that are
// the model's mutexes, the shipped queues, and values whose moves others can be seen in between.
//
// What a guard guards is plain data, which the model's search does not see. So a guard tells it: a
// hash of all of it when the guard is left, and what a thread may read of it when it is taken.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sched/park_word.h"
#include "sched/wait_list.h"
#include "sync/select_rules.h"
#include "testing/model_fixture.h"

namespace sluice::detail::modelled {

using model::expect;
using model::model_atomics;

// What is wrong on purpose with one of the pieces that the rules are put together from.
enum class broken : std::uint8_t {
  nothing,
  recheck,      // a waiter does not look, once its park has begun, whether it is to stop
  guards,       // they keep nobody out
  removal,      // who gives up stays in the queue
  order,        // who came last is served first
  closing,      // close wakes one waiter of each queue
  second_look,  // a select sees nobody who waits when it enters a queue
  frame,        // a claim gives the frame back at once, before the value is moved
  filling,      // nobody knows of a cell that is being filled
  own_calls,    // a select takes itself for a partner
  settling,     // a cell that was filled goes to nobody who waits
};

class world;
inline world* here = nullptr;

// A ghost that others write; who writes it learns nothing.
class published {
 public:
  published() : index_(model::engine::here().state().add_ghost(0)) {}
  void set(std::uint64_t value) { model::engine::here().state().ghost(index_) = value; }

 private:
  std::size_t index_;
};

using value_type = std::uint32_t;  // 0: none

// Where a value stands in a task's frame.
struct place {
  value_type value = 0;
  model::var<value_type> checked{0};  // against data races
  published copy;
};

// A park word that counts who wins it.
class counted_word : public rt::basic_park_word<model_atomics> {
 public:
  void begin(bool can_stop) {
    winners_.set(0);
    basic_park_word::begin(can_stop);
  }
  bool claim(std::uint32_t epoch, rt::wake_reason reason) {
    const bool won = basic_park_word::claim(epoch, reason);
    if (won) count();
    return won;
  }
  [[nodiscard]] bool is_won() const { return winners_ != 0; }
  void count() {
    winners_.add(1);
    expect(winners_ <= 1, "two wakers won one park");
  }

 private:
  model::ghost<std::uint32_t> winners_;
};

// In which order a select's draws put its two cases.
enum class drawn_order : std::uint8_t { backward, forward, turning };

struct task {
  std::uint32_t index = 0;
  counted_word word;
  std::int64_t scope_end = rt::park_forever;
  std::int64_t until = rt::park_forever;  // of its park
  model::semaphore runnable;
  model::ghost<std::uint32_t> readied;  // in the present park
  model::semaphore timer;               // posted with each park that has an end
  model::ghost<std::uint32_t> armed;    // its epoch
  model::atomic<bool> time_passed{false};
  model::atomic<bool> stop{false};
  model::ghost<std::uint32_t> calls;  // that it has begun
  model::ghost<bool> inside;          // in a call: its frame stands
  model::ghost<bool> ended;
  model::ghost<std::uint32_t> received;  // a bit for each value
  std::array<place, 2> places;           // one for each case
  model::var<std::uint32_t> claimed{0};  // which case somebody claimed, from 1 on
  drawn_order order = drawn_order::forward;
  model::ghost<bool> odd;  // the round of its select, with `turning`

  [[nodiscard]] std::uint32_t number_of(const void* value) const {
    return value == &places[0].value ? 1 : 2;
  }
  void publish() {
    for (place& each : places) each.copy.set(each.value);
  }
};

struct pending;

// Which case of a select somebody claimed.
class claimed_case {
 public:
  claimed_case(std::nullptr_t);
  claimed_case& operator=(pending* node);
  operator pending*() const {
    (void)owner_.claimed.read();
    return node_;
  }

 private:
  task& owner_;
  pending* node_ = nullptr;
};

struct pending : rt::basic_wait_node<task> {
  pending(task& who, void* where, claimed_case* claimed_of_several = nullptr)
      : basic_wait_node(who), value(where), chosen(claimed_of_several) {}
  void* const value;
  claimed_case* const chosen;
};

// The shipped queue, watched.
class queue : public rt::basic_wait_list<task> {
 public:
  [[nodiscard]] bool has_others(const task& self) const;
  void push_back(pending& node);
  void remove(wait_node& node);
  wait_node* claim_one(rt::wake_reason reason);
  static void finish_claim(wait_node& node);

  void begin_hold() { claimed_in_hold_ = 0; }
  [[nodiscard]] bool holds(const task& who) const;
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] task& at(std::size_t index) const { return *entries_[index].who; }
  [[nodiscard]] std::uint64_t digest() const;

 private:
  void drop_unlinked();

  struct entry {
    pending* node;
    task* who;
  };
  std::array<entry, 8> entries_{};  // in the order in which they came
  std::size_t count_ = 0;
  std::uint32_t claimed_in_hold_ = 0;
};

class guard {
 public:
  void lock();
  void unlock();

 private:
  model::mutex mutex_;
};

struct channel;

// Ticks are not modelled.
struct no_clock {
  bool take() { return false; }
  deadline next() { return {}; }
  bool enter(pending&, deadline) { return false; }
  void leave(pending&) {}
};

struct one_case {
  select_case::what kind = select_case::what::never;
  bool closed = false;
  std::uint32_t order = 0;
  channel* on = nullptr;
  no_clock* clock = nullptr;
  void* value = nullptr;
  deadline until{};
  alignas(8) std::byte waiting[sizeof(pending)];
};

struct waits {
  using parker = task;
  using list = queue;
  using call = pending;
  using guard = modelled::guard;
  using one_case = modelled::one_case;
  using claimed_case = modelled::claimed_case;

  static task& this_parker();
  static std::optional<errc> stop_reason();
  // Of 2, with two cases: 1 leaves them in their order.
  static std::uint64_t draw();
  static bool has_passed(deadline) {
    // relaxed: a clock orders nothing.
    return this_parker().time_passed.load(std::memory_order_relaxed);
  }
  static basic_channel<waits>& inside(channel& of);
};

// Stands for channel_core.
struct channel {
  channel(const element_type& type, std::size_t capacity) : rules(type, capacity) {
    for (std::size_t i = 0; i < capacity; ++i) {
      checked.push_back(std::make_unique<model::var<value_type>>(0u));
    }
  }
  result<void> send(void* value, const channel_core::patience& how);
  result<void> receive(void* into, const channel_core::patience& how);
  [[nodiscard]] value_type value_in(std::uint32_t cell) const {
    return *static_cast<const value_type*>(rules.at(cell));
  }
  // Everything that the guard guards.
  [[nodiscard]] std::uint64_t digest() const;

  basic_channel<waits> rules;
  std::vector<std::unique_ptr<model::var<value_type>>> checked;  // of each cell
  published copy;
  model::ghost<bool> destroyed;
};

// Where a value is moved from or to.
struct moved_end {
  model::var<value_type>& checked;
  task* whose;  // null: a cell
  channel* of;  // null: a place in a frame
};

// One scenario's tasks and channels.
class world {
 public:
  struct knobs {
    std::vector<std::size_t> capacities{0};  // of the channels
    std::size_t tasks = 2;
    bool moves = true;     // values are moved without the guard; else copied under it
    bool stops = false;    // somebody asks tasks to stop
    bool endless = false;  // selects may look at each other for ever: epochs begin anew
    broken fault = broken::nothing;
  };

  explicit world(const knobs& chosen);
  ~world() { here = nullptr; }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  task& running();
  channel& guarded_by(const guard& which);
  // A moment at which others may run. relaxed: it orders nothing.
  void pause() { (void)moment_.load(std::memory_order_relaxed); }
  void publish();
  void check_left(const task& self, const char* sentence) const;
  moved_end end_at(void* address);
  // A cell is being filled, and `receivers` would get it.
  [[nodiscard]] bool is_filled_for(const queue& receivers) const {
    return std::ranges::any_of(channels, [&](const auto& each) {
      return &each->rules.receivers == &receivers && each->rules.filling > 0;
    });
  }

  const knobs with;
  std::vector<std::unique_ptr<task>> tasks;
  std::vector<std::unique_ptr<channel>> channels;

 private:
  model::atomic<bool> moment_{false};
};

}  // namespace sluice::detail::modelled
