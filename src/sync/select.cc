// select.cc: several channels, one park. Each case has a node in its channel's queue; all name the
// same park, so whoever claims it first is the one, and notes which node it was.
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
#include "sluice/select.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "sched/park_time.h"
#include "sluice/timer.h"
#include "sync/channel_state.h"

namespace sluice::detail {
namespace {

using what = select_case::what;

// Sebastiano Vigna's splitmix64: every state of the counter is good, so threads may share it.
std::uint64_t draw() noexcept {
  static std::atomic<std::uint64_t> drawn{0};
  // relaxed: it orders nothing.
  std::uint64_t z = drawn.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool has_passed(deadline when) noexcept {
  return !when.is_none() && time_point::clock::now() >= when.when();
}

}  // namespace

// One select, in its frame.
class channel_core::selection {
 public:
  explicit selection(std::span<select_case* const> cases) noexcept : cases_(cases) {
    // Fisher and Yates.
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto j = static_cast<std::size_t>(draw() % (i + 1));
      cases[i]->order = cases[j]->order;
      cases[j]->order = static_cast<std::uint32_t>(i);
    }
  }

  // Which one could go at once; if none, the one for that.
  std::optional<std::size_t> try_each() noexcept;
  // Nothing: try again.
  std::optional<result<std::size_t>> wait() noexcept;

 private:
  [[nodiscard]] std::size_t drawn(std::size_t place) const noexcept { return cases_[place]->order; }
  [[nodiscard]] const select_case* first_time() const noexcept;
  [[nodiscard]] std::size_t index_of(const select_case& which) const noexcept;
  bool enter(select_case& which, rt::parker& self) noexcept;
  void leave(select_case& which) noexcept;
  [[nodiscard]] std::optional<result<std::size_t>> come_to_its_time(
      const select_case* first, const rt::parker& self) const noexcept;
  static bool waits_in_a_queue(const select_case& which) noexcept {
    return which.on != nullptr || which.clock != nullptr;
  }
  static pending_call& call_of(select_case& which) noexcept {
    return *std::launder(reinterpret_cast<pending_call*>(which.waiting));
  }

  std::span<select_case* const> cases_;
  pending_call* chosen_ = nullptr;  // written by who claims the park
};

std::optional<std::size_t> channel_core::selection::try_each() noexcept {
  constexpr patience at_once{.may_wait = false};
  std::optional<std::size_t> otherwise;
  for (std::size_t place = 0; place < cases_.size(); ++place) {
    const std::size_t index = drawn(place);
    select_case& which = *cases_[index];
    if (which.kind == what::otherwise) otherwise = index;
    if (which.kind == what::time && has_passed(which.until)) return index;
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
const select_case* channel_core::selection::first_time() const noexcept {
  const select_case* first = nullptr;
  for (select_case* const which : cases_) {
    if (which->clock != nullptr) which->until = which->clock->next();
    if (which->kind != what::time && which->kind != what::tick) continue;
    if (first == nullptr || which->until < first->until) first = which;
  }
  return first;
}

std::size_t channel_core::selection::index_of(const select_case& which) const noexcept {
  std::size_t index = 0;
  while (cases_[index] != &which) ++index;
  return index;
}

// False: it could go now, or the time has been changed. [A]
bool channel_core::selection::enter(select_case& which, rt::parker& self) noexcept {
  pending_call& call = *::new (which.waiting) pending_call(self, which.value, &chosen_);
  if (which.clock != nullptr) return which.clock->enter(call, which.until);
  state& here = *which.on->state_;
  const bool sends = which.kind == what::send;
  const std::lock_guard held(here.guard);
  const bool could_go = sends
                            ? here.closed || here.free_count > 0 || here.receivers.has_others(self)
                            : here.full_count > 0 || (here.closed && here.filling == 0) ||
                                  here.senders.has_others(self);
  if (could_go) return false;
  (sends ? here.senders : here.receivers).push_back(call);
  return true;
}

void channel_core::selection::leave(select_case& which) noexcept {
  pending_call& call = call_of(which);
  // Whoever claimed it has unlinked it, and may have been the last to see the channel.
  if (&call == chosen_) return;
  if (which.clock != nullptr) return which.clock->leave(call);
  state& here = *which.on->state_;
  const std::lock_guard held(here.guard);
  (which.kind == what::send ? here.senders : here.receivers).remove(call);
}

// The wait has come to the end of the scope, or to the first time or tick, which may be somebody
// else's by now.
std::optional<result<std::size_t>> channel_core::selection::come_to_its_time(
    const select_case* first, const rt::parker& self) const noexcept {
  if (first == nullptr || rt::park_time(first->until) > self.scope_end) {
    return std::unexpected(error(errc::deadline_exceeded));
  }
  if (first->clock != nullptr && !first->clock->take()) return std::nullopt;
  return index_of(*first);
}

std::optional<result<std::size_t>> channel_core::selection::wait() noexcept {
  static_assert(sizeof(pending_call) <= sizeof(select_case::waiting));
  const select_case* const first = first_time();
  rt::parker& self = rt::this_parker();
  chosen_ = nullptr;
  rt::park_begin(self, {.kind = rt::wait_kind::select,
                        .on = this,
                        .until = first != nullptr ? rt::park_time(first->until) : rt::park_forever,
                        .stoppable = true});
  std::size_t entered = 0;
  bool again = false;
  for (; entered < cases_.size(); ++entered) {
    select_case& which = *cases_[drawn(entered)];
    again = waits_in_a_queue(which) && !enter(which, self);
    if (again) break;
  }
  const bool give_up = again || rt::park_interrupted(self);
  const bool withdrawn = give_up && rt::park_withdraw(self);
  const rt::wake_reason why = withdrawn ? rt::wake_reason::ready : rt::park(self);
  for (std::size_t place = 0; place < entered; ++place) {
    select_case& which = *cases_[drawn(place)];
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

result<std::size_t> channel_core::select(std::span<select_case* const> cases) noexcept {
  selection mine(cases);
  for (;;) {
    if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
    if (const auto index = mine.try_each()) return *index;
    if (const auto outcome = mine.wait()) return *outcome;
  }
}

}  // namespace sluice::detail

namespace sluice {

result<std::size_t> select(std::span<any_case> cases) {
  constexpr std::size_t few = 8;
  std::array<detail::select_case*, few> in_place{};
  std::vector<detail::select_case*> many(cases.size() > few ? cases.size() : 0);
  const std::span<detail::select_case*> erased =
      many.empty() ? std::span(in_place).first(cases.size()) : std::span(many);
  std::ranges::transform(cases, erased.begin(),
                         [](any_case& each) { return &each.boxed_->erased(); });
  const auto ran = detail::channel_core::select(erased);
  if (!ran) return ran;
  if (auto failed = cases[*ran].boxed_->finish()) return std::unexpected(*std::move(failed));
  return ran;
}

}  // namespace sluice
