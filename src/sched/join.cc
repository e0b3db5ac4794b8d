// join.cc: what a fiber<T> handle and its fiber share; the protocol is join_word.h's, which also
// says whose memory it is.
#include <new>
#include <stdexcept>
#include <type_traits>

#include "base/bug.h"
#include "os/relax.h"
#include "sched/awaited.h"
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
  // Immutable once the fiber runs, both. The block is this fiber's until the word says that it has
  // ended.
  rt::awaited fiber;
  rt::control_block* control = nullptr;
  rt::join_word word;
  // What the handle stops, and gives tokens of.
  rt::scope scope;
};

join_state::internals& join_state::inside() const noexcept {
  return *std::launder(const_cast<internals*>(reinterpret_cast<const internals*>(memory_)));
}

void join_state::started(const spawn_slot& slot) noexcept {
  static_assert(sizeof(internals) <= sizeof(memory_) && alignof(internals) <= 8);
  auto* const self = ::new (static_cast<void*>(memory_)) internals;
  started_ = true;
  auto* const control = static_cast<rt::control_block*>(slot.control);
  self->control = control;
  self->fiber.set(rt::parker_name(*control));
  self->scope.enter(nullptr, control);
  // relaxed: the fiber does not run yet.
  control->innermost.store(&self->scope, std::memory_order_relaxed);
}

join_state::~join_state() {
  if (started_) inside().~internals();
}

bool join_state::finished() noexcept {
  // The destructors of its fiber_locals are still to come.
  inside().control->innermost.store(nullptr, std::memory_order_relaxed);
  inside().scope.let_go();
  rt::race_release(this);
  const auto end = inside().word.finish([] { os::relax(); });
  // From here on the memory may be gone.
  if (end.who != 0) (void)rt::wake(named(end.who), end.epoch, rt::wake_reason::partner);
  if (end.abandoned) rt::race_acquire(this);  // pairs with abandon()
  return end.abandoned;
}

bool join_state::abandon() noexcept {
  rt::race_release(this);
  if (inside().word.abandon([] { os::relax(); })) return false;
  rt::race_acquire(this);
  return true;
}

void join_state::request_stop() noexcept {
  internals& self = inside();
  // The fiber's end waits from here on, so that whoever joins it meanwhile leaves us the state.
  const bool runs = self.word.begin_stop();
  // The control block serves others by now, and who has a token may look at it still.
  if (!runs) self.scope.disown();
  self.scope.stop();
  if (runs) self.word.end_stop();
}

std::stop_token join_state::token() { return inside().scope.token(true); }

std::uint64_t join_state::fiber_id() const noexcept { return inside().fiber.who().number(); }

// Another fiber may have the block once this one has ended.
bool join_state::is_own(const rt::parker& waiter) const noexcept {
  return &waiter == inside().control && !inside().word.is_ended();
}

inline std::optional<errc> join_state::await_end(rt::parker& waiter, bool stoppable) noexcept {
  internals& self = inside();
  for (;;) {
    if (stoppable) {
      if (const auto why = rt::stop_reason(waiter)) return why;
    }
    if (self.word.is_ended()) break;
    rt::park_begin(waiter, {.kind = rt::wait_kind::join, .on = &self, .stoppable = stoppable});
    const bool standing = self.word.enter(name_of(waiter), waiter.word.epoch());
    const bool give_up = !standing || (stoppable && rt::park_interrupted(waiter));
    if (!give_up || !rt::park_withdraw(waiter)) (void)rt::park(waiter);
    self.word.leave(name_of(waiter));
    // Else the fiber is at its end this very moment.
    if (!standing) os::relax();
  }
  rt::race_acquire(this);
  return std::nullopt;
}

std::optional<errc> join_state::wait() {
  rt::parker& waiter = rt::this_parker();
  if (is_own(waiter)) throw_logic_error("sluice: a fiber cannot join itself");
  return await_end(waiter, true);
}

void join_state::wait_for_end() noexcept {
  rt::parker& waiter = rt::this_parker();
  if (is_own(waiter)) misuse("a fiber destroys its own handle, which would wait for itself");
  (void)await_end(waiter, false);
}

void throw_logic_error(const char* sentence) { throw std::logic_error(sentence); }

}  // namespace sluice::detail
