#include "sched/descriptor.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/bug.h"
#include "os/clock.h"
#include "os/futex.h"
#include "poller/operation.h"
#include "sched/timers.h"
#include "sched/worker.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

runtime& home_of(const poll_desc& desc) noexcept { return runtime_at(desc.home()); }

// Competes for the park that a wait slot named.
void wake_named(runtime& owner, const park_ref& who, wake_reason reason) noexcept {
  wake(owner.block(who.fiber), who.epoch, reason);
}

// Registers with the present processor's shard, unless another direction's waiter is doing it.
std::optional<error> ensure_registered(runtime& owner, poll_desc& desc,
                                       os::native_handle fd) noexcept {
  // acquire: pairs with the compare-and-swap below.
  if (desc.shard.load(std::memory_order_acquire) != no_shard) return std::nullopt;
  processor& home = current_worker()->own();
  if (home.shard->ties()) return error(errc::not_supported);
  std::uint32_t none = no_shard;
  if (!desc.shard.compare_exchange_strong(none, home.index, std::memory_order_acq_rel)) {
    // The other direction is at it. What is ready already is reported when it is done, and if it
    // fails, it makes a report of its own.
    return std::nullopt;
  }
  // relaxed: a hint for who polls.
  home.registered.fetch_add(1, std::memory_order_relaxed);
  auto added = home.shard->add(fd, desc);
  if (added) return std::nullopt;
  home.registered.fetch_sub(1, std::memory_order_relaxed);
  desc.shard.store(no_shard, std::memory_order_release);
  // Whoever relied on this registration tries again, and meets the error itself.
  const report again{desc.index(), desc.generation(), ready_to_read | ready_to_write};
  const poll_desc::woken woken = desc.apply(again);
  if (woken.reader) wake_named(owner, *woken.reader, wake_reason::ready);
  if (woken.writer) wake_named(owner, *woken.writer, wake_reason::ready);
  return added.error();
}

// Where operations on the descriptor are reported, with a poller that ties: at the present
// processor's from now on, if it is tied to none. A second waiter sleeps for as long as that takes,
// which is a system call: an operation on an untied socket would be reported to nobody.
result<processor*> tie(runtime& owner, poll_desc& desc, os::native_handle fd) noexcept {
  processor& home = current_worker()->own();
  for (;;) {
    std::uint32_t now = desc.shard.load(std::memory_order_acquire);
    if (now < tying_shard) return &owner.processors()[now];
    if (now == tying_shard) {
      os::futex_wait(desc.shard, tying_shard);
      continue;
    }
    if (!desc.shard.compare_exchange_strong(now, tying_shard, std::memory_order_acq_rel)) continue;
    const auto added = home.shard->add(fd, desc);
    // relaxed: a hint for who polls.
    if (added) home.registered.fetch_add(1, std::memory_order_relaxed);
    // release: pairs with the load above.
    desc.shard.store(added ? home.index : no_shard, std::memory_order_release);
    os::futex_wake(&desc.shard, std::numeric_limits<int>::max());
    if (!added) return std::unexpected(added.error());
    return &home;
  }
}

// A fiber of another runtime, whose name its slots cannot hold.
bool is_foreign(const parker& self, const poll_desc& desc) noexcept {
  return self.is_fiber && static_cast<const control_block&>(self).home != desc.home();
}

bool is_reading_shut(const poll_desc& desc, direction side) noexcept {
  // seq_cst: as `closing`.
  return side == direction::read && desc.reading_shut.load(std::memory_order_seq_cst);
}

bool has_reason_to_stop(poll_desc& desc, direction side, const parker& self) noexcept {
  // seq_cst: the waiter's step 3 in wait_slot.h, after arming.
  return desc.closing.load(std::memory_order_seq_cst) ||
         desc.deadline(side).load(std::memory_order_seq_cst) == deadline_expired ||
         is_reading_shut(desc, side) || park_interrupted(self);
}

// Parks until whoever takes the fiber out of a slot wakes it, or a stop does. A report or, if the
// park is stoppable, a reason to stop that is there already keeps it from parking.
//
// In two slots it competes with two reports for one park; the second one loses, and stays.
template <std::size_t N>
void await_report(control_block& self, poll_desc& desc, const std::array<direction, N>& sides,
                  const park_request& request) noexcept {
  const std::uint32_t generation = desc.generation();
  const auto leave = [&] {
    for (const direction side : sides) desc.slot(side).leave(generation, self.index);
  };
  park_begin(self, request);
  bool gives_up = false;
  for (const direction side : sides) {
    const arm_result armed = desc.slot(side).arm(generation, {self.index, self.word.epoch()});
    check(armed != arm_result::stale, "two fibers wait for one direction of a descriptor");
    gives_up |= armed == arm_result::consumed;
  }
  for (const direction side : sides) {
    gives_up = gives_up || (request.stoppable && has_reason_to_stop(desc, side, self));
  }
  if (gives_up) leave();
  if (!gives_up || !park_withdraw(self)) (void)park(self);
  leave();
}

void await_report(control_block& self, poll_desc& desc, direction side,
                  const park_request& request) noexcept {
  await_report(self, desc, std::array{side}, request);
}

// Until the system has let go of the operation. Returns what has cut it short, if anything has.
std::optional<error> await_operation(control_block& self, poll_desc& desc, direction side,
                                     operation& asked, wait_kind kind, poller& shard) noexcept {
  while (!asked.is_done()) {
    await_report(self, desc, side, {.kind = kind, .on = &desc});
    if (asked.is_done()) break;
    const auto stopped = descriptor_check(desc, side);
    if (!stopped && !is_reading_shut(desc, side)) continue;
    // Again, since the system may not have found it at the moment that it was asked, or have had no
    // memory for the question. The operation is still ours, so nobody else's can be hit.
    std::int64_t patience = 1'000'000;  // ns
    while (!asked.is_done()) {
      static_cast<void>(shard.cancel(asked));
      await_report(
          self, desc, side,
          {.kind = kind, .on = &desc, .until = os::monotonic_now() + patience, .stoppable = false});
      patience = std::min<std::int64_t>(patience * 2, 100'000'000);
    }
    return stopped;
  }
  return std::nullopt;
}

void take_out(poll_desc& desc, direction side, wake_reason reason) noexcept {
  if (const auto who = desc.slot(side).cancel(desc.generation())) {
    wake_named(home_of(desc), *who, reason);
  }
}

void unregister(poll_desc& desc, os::native_handle fd, bool closed_next) noexcept {
  const std::uint32_t shard = desc.shard.exchange(no_shard, std::memory_order_acq_rel);
  if (shard == no_shard) return;
  processor& home = home_of(desc).processors()[shard];
  // A short connection's fourth system call of seven.
  if (!closed_next || !home.shard->close_ends_watch()) home.shard->remove(fd, desc);
  home.registered.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

result<poll_desc*> descriptor_open() noexcept {
  runtime* const owner = current_runtime();
  if (owner == nullptr) return std::unexpected(error(errc::not_a_fiber));
  return owner->descriptors().take();
}

runtime_id descriptor_home(const poll_desc& desc) noexcept { return home_of(desc).id(); }

void descriptor_close(poll_desc& desc, os::native_handle fd, bool closed_next) noexcept {
  runtime& owner = home_of(desc);
  desc.watched.store(os::no_handle, std::memory_order_relaxed);
  for (const direction side : {direction::read, direction::write}) {
    desc.deadline(side).store(deadline_none, std::memory_order_seq_cst);
    unlink_timer(owner, desc.deadline_timer(side));
  }
  unregister(desc, fd, closed_next);
  owner.descriptors().give(desc);
}

std::optional<error> descriptor_check(poll_desc& desc, direction side) noexcept {
  // relaxed: a first look; the one that counts comes after arming.
  if (desc.closing.load(std::memory_order_relaxed)) return error(errc::closed);
  const parker& self = this_parker();
  if (is_foreign(self, desc)) return error(errc::wrong_runtime);
  if (const auto why = stop_reason(self)) return error(*why);
  if (desc.deadline(side).load(std::memory_order_relaxed) == deadline_expired) {
    return error(errc::deadline_exceeded);
  }
  return std::nullopt;
}

std::optional<error> descriptor_wait(poll_desc& desc, direction side, os::native_handle fd,
                                     wait_kind kind) noexcept {
  control_block* const self = this_fiber_or_null();
  if (self == nullptr) return error(errc::not_a_fiber);
  if (is_foreign(*self, desc)) return error(errc::wrong_runtime);
  runtime& owner = home_of(desc);
  desc.watched.store(fd, std::memory_order_relaxed);
  if (auto failed = ensure_registered(owner, desc, fd)) return failed;
  await_report(*self, desc, side, {.kind = kind, .on = &desc});
  return descriptor_check(desc, side);
}

std::optional<error> descriptor_wait_any(poll_desc& desc, foreign_descriptor fd, fd_events events,
                                         std::int64_t until) noexcept {
  control_block* const self = this_fiber_or_null();
  if (self == nullptr) return error(errc::not_a_fiber);
  desc.watched.store(fd.named, std::memory_order_relaxed);
  if (auto failed = ensure_registered(home_of(desc), desc, fd.watched)) return failed;
  const park_request request{.kind = wait_kind::foreign, .on = &desc, .until = until};
  if (events == fd_events::both) {
    await_report(*self, desc, std::array{direction::read, direction::write}, request);
  } else {
    const bool reads = events == fd_events::read;
    await_report(*self, desc, reads ? direction::read : direction::write, request);
  }
  return descriptor_check(desc, direction::read);
}

result<os::outcome> descriptor_perform(poll_desc& desc, direction side, operation& asked,
                                       wait_kind kind) noexcept {
  control_block* const self = this_fiber_or_null();
  if (self == nullptr) return std::unexpected(error(errc::not_a_fiber));
  if (is_foreign(*self, desc)) return std::unexpected(error(errc::wrong_runtime));
  processor* reporting = &current_worker()->own();
  if (reporting->shard->ties()) {
    const auto tied = tie(home_of(desc), desc, asked.fd);
    if (!tied) return std::unexpected(tied.error());
    reporting = *tied;
  }
  processor& home = *reporting;
  desc.watched.store(asked.fd, std::memory_order_relaxed);
  asked.whom = {desc.index(), desc.generation(),
                side == direction::read ? ready_to_read : ready_to_write};
  // relaxed: a hint for who polls.
  home.registered.fetch_add(1, std::memory_order_relaxed);
  std::optional<error> stopped;
  if (auto begun = home.shard->submit(asked); begun) {
    stopped = await_operation(*self, desc, side, asked, kind, *home.shard);
  } else {
    stopped = begun.error();
  }
  home.registered.fetch_sub(1, std::memory_order_relaxed);
  if (!asked.is_done()) return std::unexpected(*stopped);
  // It told of this operation, and of nothing else.
  static_cast<void>(desc.slot(side).take_token(desc.generation()));
  // What was done all the same is not lost.
  if (stopped && asked.outcome().is_cancelled()) return std::unexpected(*stopped);
  return asked.outcome();
}

void count_spared_read() noexcept {
  worker* const here = current_worker();
  // Counters are the processor's, so only inside the gate: a few ns in place of a system call.
  if (here == nullptr || !here->enter()) return;
  processor_counters::add(here->own().counters.spared_reads);
  here->leave_gate();
}

bool descriptors_complete() noexcept {
  runtime* const owner = current_runtime();
  return owner != nullptr && owner->processors()[0].shard->completes();
}

void descriptor_shut(poll_desc& desc) noexcept {
  desc.closing.store(true, std::memory_order_seq_cst);  // the stopper's step 1
  take_out(desc, direction::read, wake_reason::closed);
  take_out(desc, direction::write, wake_reason::closed);
}

void descriptor_shut_reading(poll_desc& desc) noexcept {
  desc.reading_shut.store(true, std::memory_order_seq_cst);  // the stopper's step 1
  take_out(desc, direction::read, wake_reason::ready);
}

void descriptor_set_deadline(poll_desc& desc, direction side, std::int64_t when) noexcept {
  runtime& owner = home_of(desc);
  if (when != deadline_none && os::has_passed(when)) when = deadline_expired;
  std::atomic<std::int64_t>& word = desc.deadline(side);
  word.store(when, std::memory_order_seq_cst);  // the stopper's step 1 when it has passed
  if (when == deadline_expired) take_out(desc, side, wake_reason::deadline);
  // Several setters: whoever arms last must arm for the deadline that was stored last.
  for (;;) {
    const std::int64_t now = word.load(std::memory_order_seq_cst);
    if (now == deadline_none || now == deadline_expired) {
      desc.deadline_timer(side).word.stop();
    } else {
      arm_timer(owner, desc.deadline_timer(side), now);
    }
    if (word.load(std::memory_order_seq_cst) == now) return;
  }
}

}  // namespace sluice::rt
