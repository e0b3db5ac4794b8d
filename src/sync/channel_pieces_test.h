// channel_pieces_test.h: what the pieces of channel_model_test.h do, and what is wrong with them on
// purpose.
#pragma once

#include "sync/channel_model_test.h"

namespace sluice::detail::modelled {

// As in park.h.
inline void park_begin(task& self, const rt::park_request& request) {
  self.until = request.until;
  self.readied.set(0);
  self.word.begin(request.stoppable);
}

inline bool park_interrupted(const task& self) {
  if (!here->with.stops || here->with.fault == broken::recheck) return false;
  return self.stop.load(std::memory_order_seq_cst);
}

inline bool park_withdraw(task& self) { return self.word.withdraw(); }

inline rt::wake_reason park(task& self) {
  if (self.until < rt::park_forever) {
    self.armed.set(self.word.epoch());
    self.timer.post();
  }
  if (!self.word.save()) self.runnable.sleep();
  return self.word.finish();
}

inline void ready(task& target) {
  target.readied.add(1);
  expect(target.readied == 1, "a waiter was woken twice");
  target.runnable.post();
}

inline claimed_case::claimed_case(std::nullptr_t) : owner_(here->running()) {}

inline claimed_case& claimed_case::operator=(pending* node) {
  node_ = node;
  owner_.claimed.write(node == nullptr ? 0 : owner_.number_of(node->value));
  return *this;
}

inline bool queue::has_others(const task& self) const {
  if (here->with.fault == broken::second_look) return false;
  if (here->with.fault == broken::own_calls) return !empty();
  return basic_wait_list::has_others(self);
}

inline void queue::push_back(pending& node) {
  expect(count_ < entries_.size(), "a queue grows without an end");
  basic_wait_list::push_back(node);
  entries_[count_++] = {&node, node.waiter};
  if (here->with.fault != broken::order) return;
  for (std::size_t i = 0; i + 1 < count_; ++i) {
    basic_wait_list::remove(*entries_[i].node);
    basic_wait_list::push_back(*entries_[i].node);
  }
}

inline void queue::remove(wait_node& node) {
  if (here->with.fault == broken::removal) return;
  basic_wait_list::remove(node);
  drop_unlinked();
}

inline queue::wait_node* queue::claim_one(rt::wake_reason reason) {
  const broken fault = here->with.fault;
  const bool closes = reason == rt::wake_reason::closed;
  if (fault == broken::closing && closes && claimed_in_hold_ > 0) return nullptr;
  if (fault == broken::settling && here->is_filled_for(*this)) return nullptr;
  wait_node* const node = basic_wait_list::claim_one(reason);
  if (node != nullptr) {
    const entry* each = entries_.data();
    for (; each->node != node; ++each) {
      expect(!each->node->linked, "who came last is served first");
    }
  }
  drop_unlinked();
  if (node == nullptr) return nullptr;
  ++claimed_in_hold_;
  if (fault == broken::frame && node->waiter->word.release()) ready(*node->waiter);
  return node;
}

inline void queue::finish_claim(wait_node& node) {
  if (here->with.fault == broken::frame) return;
  expect(node.waiter->inside, "a claimed waiter's frame is gone before it is released");
  basic_wait_list::finish_claim(node);
}

inline void queue::drop_unlinked() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (entries_[i].node->linked) entries_[kept++] = entries_[i];
  }
  count_ = kept;
}

inline bool queue::holds(const task& who) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (entries_[i].who == &who) return true;
  }
  return false;
}

inline std::uint64_t queue::digest() const {
  std::uint64_t hash = count_;
  for (std::size_t i = 0; i < count_; ++i) {
    const pending& node = *entries_[i].node;
    hash = model::mix(hash, node.epoch);
    hash = model::mix(hash, entries_[i].who->index);
    hash = model::mix(hash, entries_[i].who->number_of(node.value));
    hash = model::mix(hash, *static_cast<const value_type*>(node.value));
  }
  return hash;
}

inline result<void> channel::send(void* value, const channel_core::patience& how) {
  return rules.send(value, how, this);
}

inline result<void> channel::receive(void* into, const channel_core::patience& how) {
  return rules.receive(into, how, this);
}

inline std::uint64_t channel::digest() const {
  std::uint64_t hash = model::mix(rules.filling, rules.closed ? 1 : 0);
  for (std::size_t i = 0; i < rules.full_count; ++i) {
    const std::uint32_t cell = rules.full[(rules.full_begin + i) % rules.full.size()];
    hash = model::mix(model::mix(hash, cell), value_in(cell));
  }
  hash = model::mix(hash, rules.free_count);
  for (std::size_t i = 0; i < rules.free_count; ++i) hash = model::mix(hash, rules.free[i]);
  return model::mix(model::mix(hash, rules.senders.digest()), rules.receivers.digest());
}

inline void guard::lock() {
  if (here->with.fault == broken::guards) {
    here->pause();
  } else {
    mutex_.lock();
  }
  channel& mine = here->guarded_by(*this);
  expect(!mine.destroyed, "a channel is used that may be gone");
  mine.rules.senders.begin_hold();
  mine.rules.receivers.begin_hold();
  model::engine::here().note(mine.digest());
}

inline void guard::unlock() {
  expect(!here->guarded_by(*this).destroyed, "a channel is used that may be gone");
  here->publish();
  if (here->with.fault != broken::guards) mutex_.unlock();
}

inline task& waits::this_parker() { return here->running(); }

inline std::uint64_t waits::draw() {
  const task& self = this_parker();
  if (self.order == drawn_order::turning) return self.odd ? 1 : 0;
  return self.order == drawn_order::forward ? 1 : 0;
}

inline basic_channel<waits>& waits::inside(channel& of) { return of.rules; }

// At the head of each call, and of each round of a select.
inline std::optional<errc> waits::stop_reason() {
  task& self = this_parker();
  here->check_left(self, "a select that begins again has left an entry in a queue");
  model::forget_all_but(self.calls);
  if (self.order == drawn_order::turning) self.odd.set(!self.odd);
  if (here->with.endless) self.word.restart(0);
  if (park_interrupted(self)) return errc::operation_canceled;
  return std::nullopt;
}

// Somebody else's code: others run meanwhile, and it looks at both ends.
inline void move_value(void* to, void* from) noexcept {
  const moved_end source = here->end_at(from);
  const moved_end target = here->end_at(to);
  channel* const filled = here->with.fault == broken::filling ? target.of : nullptr;
  if (filled != nullptr) --filled->rules.filling;
  here->publish();
  here->pause();
  if (filled != nullptr) ++filled->rules.filling;
  const bool both = (source.whose == nullptr || source.whose->inside) &&
                    (target.whose == nullptr || target.whose->inside);
  expect(both, "a value is moved from or to a frame that is gone");
  value_type& value = *static_cast<value_type*>(from);
  expect(source.checked.read() == value, "a value changed while nobody moved it");
  target.checked.write(value);
  source.checked.write(0);
  *static_cast<value_type*>(to) = value;
  value = 0;
  here->publish();
}

inline world::world(const knobs& chosen) : with(chosen) {
  here = this;
  for (std::uint32_t i = 0; i < with.tasks; ++i) {
    tasks.push_back(std::make_unique<task>());
    tasks.back()->index = i;
  }
  const element_type type{sizeof(value_type), alignof(value_type),
                          with.moves ? &move_value : nullptr, [](void*) noexcept {}};
  for (const std::size_t capacity : with.capacities) {
    channels.push_back(std::make_unique<channel>(type, capacity));
  }
}

// The tasks are the first threads.
inline task& world::running() { return *tasks.at(model::engine::here().running() - 1); }

inline channel& world::guarded_by(const guard& which) {
  std::size_t index = 0;
  while (&channels.at(index)->rules.guard != &which) ++index;
  return *channels[index];
}

inline void world::publish() {
  for (const auto& each : channels) each->copy.set(each->digest());
  for (const auto& each : tasks) each->publish();
}

inline void world::check_left(const task& self, const char* sentence) const {
  for (const auto& each : channels) {
    expect(!each->rules.senders.holds(self) && !each->rules.receivers.holds(self), sentence);
  }
}

inline moved_end world::end_at(void* address) {
  for (const auto& each : tasks) {
    for (place& in_frame : each->places) {
      if (&in_frame.value == address) return {in_frame.checked, each.get(), nullptr};
    }
  }
  for (const auto& each : channels) {
    for (std::uint32_t cell = 0; cell < each->checked.size(); ++cell) {
      if (each->rules.at(cell) == address) return {*each->checked[cell], nullptr, each.get()};
    }
  }
  model::engine::here().fail("a value is moved from or to somewhere else");
}

}  // namespace sluice::detail::modelled
