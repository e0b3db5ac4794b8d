// join.cc: what a fiber<T> handle and its fiber share; the protocol is join_word.h's.
#include <new>
#include <stdexcept>

#include "os/relax.h"
#include "sched/join_word.h"
#include "sched/park.h"
#include "sched/spawn.h"
#include "sluice/fiber.h"

namespace sluice::detail {
namespace {

std::uint64_t name_of(rt::parker& waiter) noexcept {
  return reinterpret_cast<std::uintptr_t>(&waiter);
}

rt::parker& named(std::uint64_t name) noexcept {
  return *reinterpret_cast<rt::parker*>(static_cast<std::uintptr_t>(name));
}

}  // namespace

struct join_state::internals {
  rt::join_word word;
  // Immutable once the fiber runs. The block is this fiber's until the word says that it has ended.
  rt::control_block* control = nullptr;
  std::uint64_t id = 0;
};

join_state::join_state() noexcept {
  static_assert(sizeof(internals) <= sizeof(memory_) && alignof(internals) <= 8);
  ::new (static_cast<void*>(memory_)) internals;
}

join_state::~join_state() { inside().~internals(); }

join_state::internals& join_state::inside() const noexcept {
  return *std::launder(const_cast<internals*>(reinterpret_cast<const internals*>(memory_)));
}

void join_state::started(const spawn_slot& slot) noexcept {
  internals& self = inside();
  self.control = static_cast<rt::control_block*>(slot.control);
  self.id = self.control->number;
}

void join_state::finished() noexcept {
  internals& self = inside();
  rt::race_release(this);
  if (const auto waiting = self.word.finish()) {
    (void)rt::wake(named(waiting->who), waiting->epoch, rt::wake_reason::partner);
  }
  while (self.word.being_stopped()) os::relax();
}

void join_state::request_stop() noexcept {
  internals& self = inside();
  if (!self.word.begin_stop()) return;
  rt::stop_fiber(*self.control);
  self.word.end_stop();
}

bool join_state::is_self() const noexcept {
  const rt::control_block* const fiber = rt::this_fiber_or_null();
  return fiber != nullptr && fiber->number == inside().id;
}

std::uint64_t join_state::fiber_id() const noexcept { return inside().id; }

result<void> join_state::wait(bool stoppable) {
  internals& self = inside();
  rt::parker& waiter = rt::this_parker();
  for (;;) {
    if (stoppable && rt::stop_requested()) return std::unexpected(error(errc::operation_canceled));
    if (self.word.is_ended()) break;
    rt::park_begin(waiter, {.kind = rt::wait_kind::join, .on = this, .stoppable = stoppable});
    const bool standing = self.word.enter(name_of(waiter), waiter.word.epoch());
    const bool give_up = !standing || (stoppable && rt::park_interrupted(waiter));
    if (!give_up || !rt::park_withdraw(waiter)) (void)rt::park(waiter);
    self.word.leave(name_of(waiter));
  }
  rt::race_acquire(this);
  return {};
}

void throw_logic_error(const char* sentence) { throw std::logic_error(sentence); }

}  // namespace sluice::detail
