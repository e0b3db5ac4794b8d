// task_group.cc: a scope with tasks, a count of those that run, and what has failed.
//
// Task's end:  1 it leaves the scope   2 a failure is noted and, if that is asked for, the scope
//              stopped   3 holding the bell: one less runs; ring. Afterwards the group may be gone.
// Waiter:      holding the bell, until none runs; if asked to stop: notes that, stops the scope,
// and
//              waits on, not to be stopped any more.
#include "sluice/task_group.h"

#include <list>
#include <new>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/control_block.h"
#include "sched/park.h"
#include "sched/scope.h"
#include "sync/change_bell.h"

namespace sluice::detail {
namespace {

rt::scope_task& task_in(task_place& place) noexcept {
  return *std::launder(reinterpret_cast<rt::scope_task*>(place.memory));
}

}  // namespace

struct task_group_core::state {
  explicit state(const task_group_options& options) : wanted(options) {
    const rt::parker& self = rt::this_parker();
    // relaxed, both: the caller's own.
    scope.enter(self.innermost.load(std::memory_order_relaxed), nullptr);
    scope_end = self.scope_end;
    shielded = self.shielded.load(std::memory_order_relaxed);
  }

  void note(task_failure failure) noexcept;
  std::optional<errc> await_end() noexcept;
  void stop_and_await_end() noexcept;
  std::optional<task_failure> first_failure() noexcept;

  const task_group_options wanted;
  rt::scope scope;
  // What the tasks inherit beside the scope; immutable.
  std::int64_t scope_end;
  bool shielded;
  rt::change_bell bell;
  // GUARDED_BY(bell) from here on.
  std::size_t running = 0;
  std::optional<task_failure> first;
  std::list<task_failure> others;
};

// Memory for one more is taken before the bell is held.
void task_group_core::state::note(task_failure failure) noexcept {
  std::list<task_failure> one;
  try {
    one.push_back(failure);
  } catch (const std::bad_alloc&) {
    // The first needs none; any other is left out, as the header says.
  }
  rt::race_release(this);
  const rt::change_bell::hold held(bell);
  if (!first) {
    first = std::move(failure);
  } else {
    others.splice(others.end(), one);
  }
}

// Returns why the caller should stop, if that comes before the end.
std::optional<errc> task_group_core::state::await_end() noexcept {
  rt::change_bell::hold held(bell);
  while (running != 0) {
    if (const auto why = rt::stop_reason()) return why;
    held.wait(rt::park_forever, true);
  }
  rt::race_acquire(this);
  return std::nullopt;
}

void task_group_core::state::stop_and_await_end() noexcept {
  scope.stop();
  rt::change_bell::hold held(bell);
  while (running != 0) held.wait(rt::park_forever, false);
  rt::race_acquire(this);
}

std::optional<task_failure> task_group_core::state::first_failure() noexcept {
  const rt::change_bell::hold held(bell);
  return first;
}

task_group_core::task_group_core(const task_group_options& options)
    : state_(std::make_unique<state>(options)) {}

task_group_core::~task_group_core() = default;

result<void> task_group_core::admit() noexcept {
  state& here = *state_;
  std::optional<errc> why;
  {
    rt::change_bell::hold held(here.bell);
    while (here.wanted.limit != 0 && here.running >= here.wanted.limit) {
      why = rt::stop_reason();
      if (why) break;
      held.wait(rt::park_forever, true);
    }
    if (!why) ++here.running;
  }
  if (!why) return {};
  here.note({.error = error(*why), .exception = {}});
  return std::unexpected(error(*why));
}

void task_group_core::retract() noexcept {
  rt::change_bell::hold held(state_->bell);
  --state_->running;
  held.ring();
}

runtime* task_group_core::where() const noexcept { return state_->wanted.on; }

void task_group_core::enter(task_place& place, const spawn_slot& slot) noexcept {
  static_assert(sizeof(rt::scope_task) == sizeof(place.memory));
  state& here = *state_;
  auto& fiber = *static_cast<rt::control_block*>(slot.control);
  auto* const task = ::new (static_cast<void*>(place.memory)) rt::scope_task{.fiber = &fiber};
  // relaxed, all: the fiber does not run yet.
  fiber.innermost.store(&here.scope, std::memory_order_relaxed);
  fiber.scope_end = here.scope_end;
  fiber.shielded.store(here.shielded, std::memory_order_relaxed);
  here.scope.add(*task);
}

void task_group_core::finish(task_place& place, task_failure failure) noexcept {
  state& here = *state_;
  rt::scope_task& task = task_in(place);
  // The destructors of its fiber_locals are still to come.
  task.fiber->innermost.store(nullptr, std::memory_order_relaxed);
  here.scope.remove(task);
  if (failure.error || failure.exception) {
    here.note(std::move(failure));
    if (here.wanted.cancel_on_failure) here.scope.stop();
  }
  rt::race_release(&here);
  rt::change_bell::hold held(here.bell);
  --here.running;
  held.ring();
}

result<void> task_group_core::wait() {
  state& here = *state_;
  if (here.scope.has_task(rt::this_parker())) {
    throw_logic_error("sluice: a task waits for its own group, which would wait for it");
  }
  if (const auto why = here.await_end()) {
    here.note({.error = error(*why), .exception = {}});
    here.stop_and_await_end();
  }
  const auto failed = here.first_failure();
  if (!failed) return {};
  if (failed->exception) std::rethrow_exception(failed->exception);
  return std::unexpected(*failed->error);
}

void task_group_core::wait_for_end() noexcept {
  state& here = *state_;
  if (here.scope.has_task(rt::this_parker())) {
    misuse("a task destroys its own group, which would wait for it");
  }
  {
    const rt::change_bell::hold held(here.bell);
    if (here.running == 0) return rt::race_acquire(&here);
  }
  here.stop_and_await_end();
}

void task_group_core::cancel() noexcept { state_->scope.stop(); }

bool task_group_core::is_cancelled() const noexcept { return state_->scope.is_stopped(); }

std::size_t task_group_core::running() const noexcept {
  const rt::change_bell::hold held(state_->bell);
  return state_->running;
}

std::vector<task_failure> task_group_core::failures() const {
  state& here = *state_;
  std::vector<task_failure> all;
  for (;;) {
    std::size_t count = 0;
    {
      const rt::change_bell::hold held(here.bell);
      count = here.first ? 1 + here.others.size() : 0;
      if (count <= all.capacity()) {
        rt::race_acquire(&here);
        if (here.first) all.push_back(*here.first);
        all.insert(all.end(), here.others.begin(), here.others.end());
        return all;
      }
    }
    all.reserve(count);
  }
}

std::stop_token task_group_core::token() { return state_->scope.token(!state_->shielded); }

}  // namespace sluice::detail
