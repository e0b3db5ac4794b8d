#include "sched/scope.h"

#include <mutex>
#include <thread>
#include <utility>

#include "os/relax.h"
#include "sched/awaited_callback.h"
#include "sched/park.h"
#include "sched/runtime.h"
#include "sched/wake_batch.h"

namespace sluice::rt {

struct scope::token_state {
  std::stop_source source;
  bool told = false;  // GUARDED_BY the scope's guard
  // Under the root as well, unless its owner is shielded from it. Last: whom it calls is complete.
  struct tell {
    std::stop_source& source;
    void operator()() const noexcept { source.request_stop(); }
  };
  awaited_callback<tell> on_root;
};

void scope::enter(scope* parent, parker* owner) noexcept {
  owner_ = owner;
  if (parent == nullptr) return;
  const std::lock_guard held(parent->guard_);
  parent_ = parent;
  next_ = parent->first_below_;
  if (next_ != nullptr) next_->previous_ = this;
  parent->first_below_ = this;
  parent->entangled_.store(true, std::memory_order_relaxed);
  entangled_.store(true, std::memory_order_relaxed);
  // relaxed: nobody knows this scope yet, and the guard has ordered the parent's.
  stopped_.store(parent->stopped_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

// Leaving, 2.
void scope::leave_parent() noexcept {
  for (int tries = 0;; ++tries) {
    {
      const std::lock_guard held(guard_);
      if (parent_ == nullptr) return;
      const std::unique_lock above(parent_->guard_, std::try_to_lock);
      if (above) {
        (previous_ != nullptr ? previous_->next_ : parent_->first_below_) = next_;
        if (next_ != nullptr) next_->previous_ = previous_;
        parent_ = next_ = previous_ = nullptr;
        return;
      }
    }
    // Whoever has the parent's guard may be on his way to this one.
    constexpr int tries_at_once = 32;
    tries < tries_at_once ? os::relax() : std::this_thread::yield();
  }
}

void scope::let_go() noexcept {
  // relaxed: those below have come by the owner's hand.
  if (!entangled_.load(std::memory_order_relaxed)) return;
  const std::lock_guard held(guard_);
  while (scope* const below = first_below_) {
    const std::lock_guard both(below->guard_);
    first_below_ = below->next_;
    below->parent_ = below->next_ = below->previous_ = nullptr;
  }
}

void scope::leave_others() noexcept {
  leave_parent();
  let_go();
  token_state* token = nullptr;
  {
    const std::lock_guard held(guard_);
    owner_ = nullptr;
    token = std::exchange(token_, nullptr);
  }
  delete token;
}

// Calls visit(scope&) under the guards of the scope and of all above it up to `top`.
template <class Visit>
void scope::walk(scope& top, Visit visit) noexcept {
  top.guard_.lock();
  visit(top);
  scope* at = &top;
  for (;;) {
    scope* next = at->first_below_;
    while (next == nullptr && at != &top) {
      next = at->next_;
      scope* const up = at->parent_;
      at->guard_.unlock();
      at = up;
    }
    if (next == nullptr) break;
    next->guard_.lock();
    at = next;
    visit(*at);
  }
  top.guard_.unlock();
}

// One who parks in another scope is woken, if at all, when the walk comes to that one.
void scope::claim(parker& who, wake_batch& woken) noexcept {
  race_release(&who);
  // relaxed: written before the park began.
  const auto is_here = [&] { return who.innermost.load(std::memory_order_relaxed) == this; };
  if (who.word.claim_stop(is_here) != claim_result::runnable) return;
  if (woken.is_full()) woken.finish();
  woken.add(who);
}

void scope::stop_here(wake_batch& woken) noexcept {
  race_release(this);                               // pairs with park_interrupted
  stopped_.store(true, std::memory_order_seq_cst);  // [G]
  if (owner_ != nullptr) claim(*owner_, woken);
  for (scope_task* task = first_task_; task != nullptr; task = task->next) {
    claim(*task->fiber, woken);
  }
}

void scope::mark_stopped() noexcept {
  wake_batch woken;
  walk(*this, [&](scope& each) {
    if (!each.is_stopped()) each.stop_here(woken);
  });
}

// What hangs on a token is the program's, and called without a guard.
void scope::tell_tokens() noexcept {
  for (std::stop_source next = untold_below(*this); next.stop_possible();
       next = untold_below(*this)) {
    next.request_stop();
  }
}

// One that is to be told, or one without a state.
std::stop_source scope::untold_below(scope& top) noexcept {
  std::stop_source found(std::nostopstate);
  walk(top, [&](scope& each) {
    if (found.stop_possible() || each.token_ == nullptr || each.token_->told) return;
    each.token_->told = true;
    found = each.token_->source;
  });
  return found;
}

void scope::add(scope_task& task) noexcept {
  const std::lock_guard held(guard_);
  task.next = first_task_;
  if (task.next != nullptr) task.next->previous = &task;
  first_task_ = &task;
}

void scope::remove(scope_task& task) noexcept {
  const std::lock_guard held(guard_);
  (task.previous != nullptr ? task.previous->next : first_task_) = task.next;
  if (task.next != nullptr) task.next->previous = task.previous;
}

bool scope::has_task(const parker& who) noexcept {
  const std::lock_guard held(guard_);
  const scope_task* task = first_task_;
  while (task != nullptr && task->fiber != &who) task = task->next;
  return task != nullptr;
}

std::stop_token scope::token(bool under_root) {
  auto made = std::make_unique<token_state>();
  token_state* first = nullptr;
  bool stopped = false;
  std::stop_token found;
  {
    const std::lock_guard held(guard_);
    if (token_ == nullptr) {
      stopped = is_stopped();
      made->told = stopped;
      entangled_.store(true, std::memory_order_relaxed);
      token_ = first = made.release();
    }
    found = token_->source.get_token();
  }
  // Whoever made it goes on with it; a canceller takes nothing but a copy of its source.
  if (first == nullptr) return found;
  if (stopped) first->source.request_stop();
  runtime* const owner = current_runtime();
  if (under_root && owner != nullptr) {
    first->on_root.attach(owner->stop_token(), token_state::tell{first->source});
  }
  return found;
}

scope_frame::scope_frame() noexcept
    : self_(this_parker()), outer_(self_.innermost.load(std::memory_order_relaxed)) {
  inside_.enter(outer_, &self_);
  self_.innermost.store(&inside_, std::memory_order_relaxed);
}

scope_frame::~scope_frame() { self_.innermost.store(outer_, std::memory_order_relaxed); }

std::stop_token current_token() {
  const parker& self = this_parker();
  const bool under_root = self.is_fiber && !self.shielded.load(std::memory_order_relaxed);
  if (scope* const innermost = self.innermost.load(std::memory_order_relaxed)) {
    return innermost->token(under_root);
  }
  return under_root ? current_runtime()->stop_token() : std::stop_token();
}

}  // namespace sluice::rt
