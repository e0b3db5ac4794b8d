// select_rules.h: several channels, one park. Each case has a node in its channel's queue; all name
// the same park, so whoever claims it first is the one, and notes which node it was.
//
// Select:  1 try the cases in an order that is drawn each time   2 none: begin the park   3 case by
//          case, under its channel's guard: could it go now? then give up [A]; else enter the queue
//          4 park   5 leave the other queues   6 [A]: withdraw the park, leave the queues, and
//          begin again; if somebody has claimed the park, go on with 4
// Entering and looking happen under one guard, as in guarded_wait.h. One guard at a time: with all
// of them held, as Go holds them, no second look would be needed, but each select would stop all of
// its channels.
//
// Two selects that look at each other may both give up; then both try again, in another order.
//
// A template as channel_rules.h is. `Waits` says besides what a case is, what may stand in its
// place, how an order is drawn and whether a time has passed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <mutex>
#include <new>
#include <optional>
#include <span>

#include "sched/park.h"
#include "sched/park_time.h"
#include "sync/channel_rules.h"

namespace sluice::detail {

// One select, in its frame.
template <class Waits>
class basic_selection {
 public:
  using parker = Waits::parker;
  using call = Waits::call;
  using one_case = Waits::one_case;
  using what = select_case::what;

  explicit basic_selection(std::span<one_case* const> cases) noexcept : cases_(cases) {}

  // Returns which one ran.
  result<std::size_t> run() noexcept;

 private:
  void draw_order() noexcept;
  // Which one could go at once; if none, the one for that.
  std::optional<std::size_t> try_each() noexcept;
  // Nothing: try again.
  std::optional<result<std::size_t>> wait() noexcept;
  [[nodiscard]] std::size_t drawn(std::size_t place) const noexcept { return cases_[place]->order; }
  [[nodiscard]] const one_case* first_time() const noexcept;
  [[nodiscard]] std::size_t index_of(const one_case& which) const noexcept;
  bool enter(one_case& which, parker& self) noexcept;
  void leave(one_case& which) noexcept;
  [[nodiscard]] std::optional<result<std::size_t>> come_to_its_time(
      const one_case* first, const parker& self) const noexcept;
  static bool waits_in_a_queue(const one_case& which) noexcept {
    return which.on != nullptr || which.clock != nullptr;
  }
  static call& call_of(one_case& which) noexcept {
    return *std::launder(reinterpret_cast<call*>(which.waiting));
  }

  std::span<one_case* const> cases_;
  Waits::claimed_case chosen_{nullptr};  // written by who claims the park
};

template <class Waits>
void basic_selection<Waits>::draw_order() noexcept {
  // Fisher and Yates.
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const auto j = static_cast<std::size_t>(Waits::draw() % (i + 1));
    cases_[i]->order = cases_[j]->order;
    cases_[j]->order = static_cast<std::uint32_t>(i);
  }
}

template <class Waits>
std::optional<std::size_t> basic_selection<Waits>::try_each() noexcept {
  constexpr channel_core::patience at_once{.may_wait = false};
  std::optional<std::size_t> otherwise;
  for (std::size_t place = 0; place < cases_.size(); ++place) {
    const std::size_t index = drawn(place);
    one_case& which = *cases_[index];
    if (which.kind == what::otherwise) otherwise = index;
    if (which.kind == what::time && Waits::has_passed(which.until)) return index;
    if (which.clock != nullptr && which.clock->take()) return index;
    if (which.on == nullptr) continue;
    const result<void> went = which.kind == what::send ? which.on->send(which.value, at_once)
                                                       : which.on->receive(which.value, at_once);
    which.closed = !went && went.error() == errc::closed;
    if (went || which.closed) return index;
  }
  return otherwise;
}

// The earliest time or tick.
template <class Waits>
const typename basic_selection<Waits>::one_case* basic_selection<Waits>::first_time()
    const noexcept {
  const one_case* first = nullptr;
  for (one_case* const which : cases_) {
    if (which->clock != nullptr) which->until = which->clock->next();
    if (which->kind != what::time && which->kind != what::tick) continue;
    if (first == nullptr || which->until < first->until) first = which;
  }
  return first;
}

template <class Waits>
std::size_t basic_selection<Waits>::index_of(const one_case& which) const noexcept {
  std::size_t index = 0;
  while (cases_[index] != &which) ++index;
  return index;
}

// False: it could go now, or the time has been changed. [A]
template <class Waits>
bool basic_selection<Waits>::enter(one_case& which, parker& self) noexcept {
  call& own = *::new (which.waiting) call(self, which.value, &chosen_);
  if (which.clock != nullptr) return which.clock->enter(own, which.until);
  auto& here = Waits::inside(*which.on);
  const bool sends = which.kind == what::send;
  const std::lock_guard held(here.guard);
  const bool could_go = sends
                            ? here.closed || here.free_count > 0 || here.receivers.has_others(self)
                            : here.full_count > 0 || (here.closed && here.filling == 0) ||
                                  here.senders.has_others(self);
  if (could_go) return false;
  (sends ? here.senders : here.receivers).push_back(own);
  return true;
}

template <class Waits>
void basic_selection<Waits>::leave(one_case& which) noexcept {
  call& own = call_of(which);
  // Whoever claimed it has unlinked it, and may have been the last to see the channel.
  if (&own == chosen_) return;
  if (which.clock != nullptr) return which.clock->leave(own);
  auto& here = Waits::inside(*which.on);
  const std::lock_guard held(here.guard);
  (which.kind == what::send ? here.senders : here.receivers).remove(own);
}

// The wait has come to the end of the scope, or to the first time or tick, which may be somebody
// else's by now.
template <class Waits>
std::optional<result<std::size_t>> basic_selection<Waits>::come_to_its_time(
    const one_case* first, const parker& self) const noexcept {
  if (first == nullptr || rt::park_time(first->until) > self.scope_end) {
    return std::unexpected(error(errc::deadline_exceeded));
  }
  if (first->clock != nullptr && !first->clock->take()) return std::nullopt;
  return index_of(*first);
}

template <class Waits>
std::optional<result<std::size_t>> basic_selection<Waits>::wait() noexcept {
  static_assert(sizeof(call) <= sizeof(one_case::waiting));
  const one_case* const first = first_time();
  parker& self = Waits::this_parker();
  chosen_ = nullptr;
  park_begin(self, {.kind = rt::wait_kind::select,
                    .on = this,
                    .until = first != nullptr ? rt::park_time(first->until) : rt::park_forever,
                    .stoppable = true});
  std::size_t entered = 0;
  bool again = false;
  for (; entered < cases_.size(); ++entered) {
    one_case& which = *cases_[drawn(entered)];
    again = waits_in_a_queue(which) && !enter(which, self);
    if (again) break;
  }
  const bool give_up = again || park_interrupted(self);
  const bool withdrawn = give_up && park_withdraw(self);
  const rt::wake_reason why = withdrawn ? rt::wake_reason::ready : park(self);
  for (std::size_t place = 0; place < entered; ++place) {
    one_case& which = *cases_[drawn(place)];
    if (waits_in_a_queue(which)) leave(which);
  }
  if (withdrawn && !again) return std::unexpected(error(errc::operation_canceled));
  switch (why) {
    case rt::wake_reason::partner:
    case rt::wake_reason::closed: {
      std::size_t index = 0;
      while (!waits_in_a_queue(*cases_[index]) || &call_of(*cases_[index]) != chosen_) ++index;
      cases_[index]->closed = why == rt::wake_reason::closed;
      return index;
    }
    case rt::wake_reason::deadline:
      return come_to_its_time(first, self);
    case rt::wake_reason::stop:
      return std::unexpected(error(errc::operation_canceled));
    case rt::wake_reason::ready:
      break;
  }
  return std::nullopt;
}

template <class Waits>
result<std::size_t> basic_selection<Waits>::run() noexcept {
  for (;;) {
    if (const auto why = Waits::stop_reason()) return std::unexpected(error(*why));
    draw_order();
    if (const auto index = try_each()) return *index;
    if (const auto outcome = wait()) return *outcome;
  }
}

}  // namespace sluice::detail
