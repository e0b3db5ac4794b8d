// scope.h: what reaches blocking calls by itself: requests to stop, of whoever is inside.
// (Deadlines need nobody's help: parker::scope_end.)
//
// The root is the runtime: stop_all() walks all fibers. Every other scope is an object: a
// with_stop_token() in its frame, a task_group, what a fiber<T> handle stops. Scopes form trees; a
// scope is under the one in force where it began, and is stopped with it. It is stopped once, and
// stays so.
//
// Inside are: its owner, whose frame or fiber it is; its tasks, fibers of their own; and what the
// scopes below it have inside. Each of those parks in its innermost scope, and that alone wakes it:
// who is in a scope below, or behind a shield, is not woken by mistake.
//
//   Whoever parks:  1 begin the park [A of park_word.h]   2 load innermost->stopped [F]
//   Canceller:      1 tell the tokens   2 under the guard: store stopped [G]; claim the owner and
//                     the tasks, if they park in this scope [E]; the same below, guards being taken
//                     from above to below   3 leave the guards, make them runnable   4 tell the
//                     tokens that came after 1
// [A], [E], [F] and [G] are seq_cst: either the canceller sees the park or the fiber sees the flag.
// A scope, or a task, that comes while the canceller is at it enters under the same guard, and
// finds the flag set or is found.
//
//   Leaving:  1 the owner's innermost is another one   2 under the own guard, try the parent's:
//             unlink, or let go and try again   3 under the own guard, let go of those below, which
//             are their own roots from then on (a task_group may outlive the frame it began in)
// `parent`, `next` and `previous` are written under both guards, the parent's and the own, so each
// of them suffices to read; while one of them is held, neither scope can be gone.
//
// Rejected: looking up to the root at every blocking call (a chain of loads each time, and the walk
// is needed all the same, for those who wait); one lock for all trees.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "sched/spin_lock.h"

namespace sluice::rt {

struct control_block;
struct parker;
class wake_batch;

// A fiber that belongs to a scope. Lives in the fiber's frame.
struct scope_task {
  control_block* fiber = nullptr;
  // GUARDED_BY the scope's guard.
  scope_task* next = nullptr;
  scope_task* previous = nullptr;
};

class scope {
 public:
  scope() noexcept = default;
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope() { leave(); }

  // Before anybody knows it: goes under `parent`, unless that is null. `owner` is whose it is, null
  // for one that has only tasks.
  void enter(scope* parent, parker* owner) noexcept;
  // The owner is inside no more, nor any task; nobody else may stop it from now on.
  void leave() noexcept {
    // relaxed: see there.
    if (entangled_.load(std::memory_order_relaxed)) leave_others();
  }
  // The first half of it, for one that others may still stop, and take tokens of: the owner is
  // inside no more, and what is left below is on its own.
  void let_go() noexcept;

  // The owner has ended and nobody else is inside.
  void disown() noexcept { owner_ = nullptr; }

  // Stops it and all below. Any thread; never blocks. The caller knows that it has not been left.
  void stop() noexcept {
    tell_tokens();
    mark_stopped();
    tell_tokens();
  }
  [[nodiscard]] bool is_stopped() const noexcept {
    // seq_cst: [F].
    return stopped_.load(std::memory_order_seq_cst);
  }

  // A task goes in before it can run, and out before its frame ends.
  void add(scope_task& task) noexcept;
  void remove(scope_task& task) noexcept;
  [[nodiscard]] bool has_task(const parker& who) noexcept;

  // Returns  a token that is stopped with this scope and, if it is `under_root`, with the runtime.
  //          Allocates at the first call.
  // Errors: std::bad_alloc.
  [[nodiscard]] std::stop_token token(bool under_root);

 private:
  struct token_state;

  void stop_here(wake_batch& woken) noexcept;
  // The canceller's steps: 1 and 4, which call what hangs on the tokens; 2 and 3.
  void tell_tokens() noexcept;
  void mark_stopped() noexcept;
  void claim(parker& who, wake_batch& woken) noexcept;
  void leave_others() noexcept;
  void leave_parent() noexcept;
  static std::stop_source untold_below(scope& top) noexcept;
  template <class Visit>
  static void walk(scope& top, Visit visit) noexcept;

  std::atomic<bool> stopped_{false};
  // Others know of it: one above, one below, a token. relaxed: who leaves comes after all who were
  // inside, and after whoever takes a token from outside.
  std::atomic<bool> entangled_{false};
  spin_lock guard_;
  // GUARDED_BY(guard_) from here on; `parent_` and the siblings: see above.
  scope* parent_ = nullptr;
  scope* next_ = nullptr;
  scope* previous_ = nullptr;
  scope* first_below_ = nullptr;
  scope_task* first_task_ = nullptr;
  parker* owner_ = nullptr;
  token_state* token_ = nullptr;
};

// The innermost scope of a fiber or thread for as long as this lives, in its frame.
class scope_frame {
 public:
  scope_frame() noexcept;
  ~scope_frame();
  scope_frame(const scope_frame&) = delete;
  scope_frame& operator=(const scope_frame&) = delete;

  void stop() noexcept { inside_.stop(); }

 private:
  parker& self_;
  scope* const outer_;
  scope inside_;
};

// Returns  a token that is stopped when the calling fiber or thread is asked to stop by what it is
//          under here and now; one that never is, where nothing can ask it.
// Errors: std::bad_alloc.
[[nodiscard]] std::stop_token current_token();

}  // namespace sluice::rt
