// task_group.h: fibers that belong together: they are waited for together, and stopped together.
//
//   task_group group;
//   for (auto& url : urls) group.go(fetch, url);
//   if (auto all = group.wait(); !all) log(all.error());
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/error.h"
#include "sluice/fiber.h"
#include "sluice/sync/event.h"
#include "sluice/sync/mutex.h"

namespace sluice {

struct task_group_options {
  // How many of its tasks run at the same time; 0: any number. go() waits for room.
  std::size_t limit = 0;
  // The first failure stops the others.
  bool cancel_on_failure = false;
  // Where its tasks run, see runtime.h; it outlives the group. Null: where go() is called.
  runtime* on = nullptr;
};

// How a task failed: by an error value, or by an exception.
struct task_failure {
  std::optional<sluice::error> error;
  std::exception_ptr exception;
};

namespace detail {

template <class T>
struct result_of {
  using value = T;
  static constexpr bool is_result = false;
};
template <class T>
struct result_of<result<T>> {
  using value = T;
  static constexpr bool is_result = true;
};

// A task's place in its group, in the frame of its fiber.
struct task_place {
  alignas(8) std::byte memory[24];
};

class task_group_core {
 public:
  explicit task_group_core(const task_group_options& options);
  ~task_group_core();
  task_group_core(const task_group_core&) = delete;
  task_group_core& operator=(const task_group_core&) = delete;

  // Waits for room for one more; the place is taken until retract() or finish().
  result<void> admit() noexcept;
  void retract() noexcept;
  // Where tasks run; null: the caller's.
  [[nodiscard]] runtime* where() const noexcept;
  // Before the fiber runs.
  void enter(task_place& place, const spawn_slot& slot) noexcept;
  // The last thing that its fiber does with the group.
  void finish(task_place& place, task_failure failure) noexcept;

  result<void> wait();
  void wait_for_end() noexcept;
  void cancel() noexcept;
  [[nodiscard]] bool is_cancelled() const noexcept;
  [[nodiscard]] std::size_t running() const noexcept;
  [[nodiscard]] std::vector<task_failure> failures() const;
  [[nodiscard]] std::stop_token token();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// Calls f; what it returns or throws beside a success.
template <class Call>
task_failure outcome_of(Call call) noexcept {
  task_failure failure;
  try {
    if constexpr (result_of<std::invoke_result_t<Call>>::is_result) {
      if (auto done = call(); !done) failure.error = std::move(done.error());
    } else {
      (void)call();
    }
  } catch (...) {
    failure.exception = std::current_exception();
  }
  return failure;
}

// What lies on the stack of a task's fiber.
template <class F, class... Args>
struct task_closure {
  closure<F, Args...> inner;
  task_group_core* group;
  task_place place;

  static void run(void* memory) {
    auto* const self = static_cast<task_closure*>(memory);
    self->group->finish(self->place, call(self->inner));
  }

 private:
  // Whoever waits may rely on it that callable and arguments are gone.
  static task_failure call(closure<F, Args...>& inner) noexcept {
    const typename closure<F, Args...>::owner self(&inner);
    return outcome_of([&]() -> decltype(auto) { return inner.call(); });
  }
};

// What task_group::go() takes first.
template <class... Args>
class task_function {
 public:
  template <class F>
    requires spawnable<F, Args...>
  task_function(F&& f,  // NOLINT: the conversion is the point
                const std::source_location& where = std::source_location::current()) noexcept
      : site_(f, where), start_(&start<F>) {}

  void operator()(task_group_core& group, Args&&... args) const {
    start_(site_, group, std::forward<Args>(args)...);
  }

 private:
  template <class F>
  static void start(const located& site, task_group_core& group, Args&&... args) {
    using closure_of = task_closure<std::decay_t<F>, std::decay_t<Args>...>;
    auto slot = prepare_fiber<closure_of>({.on = group.where()}, site.where(), [&](void* memory) {
      ::new (memory)
          closure_of{{std::forward<F>(site.template function<F>()), {std::forward<Args>(args)...}},
                     &group,
                     {}};
    });
    if (!slot) throw_spawn_failure(slot.error());
    group.enter(static_cast<closure_of*>(slot->closure)->place, *slot);
    spawn_start(*slot, closure_type_of<closure_of>);
  }

  located site_;
  void (*start_)(const located&, task_group_core&, Args&&...);
};

// What a task<T> and its fiber share.
template <class T>
struct task_state {
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  event done{event::reset_mode::manual};
  std::optional<stored> value;
  task_failure failure;

  // Calls the function and keeps what it returns or throws, for whoever asks when it is done.
  // Returns a copy of what failed: the other belongs to whoever asks.
  template <class F>
  task_failure keep_outcome_of(F function) noexcept {
    failure = outcome_of([&]() -> result<void> {
      if constexpr (result_of<std::invoke_result_t<F>>::is_result) {
        auto returned = std::invoke(std::move(function));
        if (!returned) return std::unexpected(std::move(returned.error()));
        if constexpr (std::is_void_v<T>) {
          value.emplace();
        } else {
          value.emplace(*std::move(returned));
        }
      } else if constexpr (std::is_void_v<T>) {
        std::invoke(std::move(function));
        value.emplace();
      } else {
        value.emplace(std::invoke(std::move(function)));
      }
      return {};
    });
    const task_failure copy = failure;
    done.set();
    return copy;
  }
};

}  // namespace detail

// The result of one task of a group.
template <class T>
class [[nodiscard]] task {
 public:
  // Waits for the task's end. Once.
  //
  //   Returns  what its function returned, a value or an error; rethrows what it threw.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::operation_canceled, errc::deadline_exceeded  the *calling* fiber was asked to
  //            stop, or its time is up; it can be asked again. std::logic_error: it was asked
  //            before and has answered.
  //   Threads  any, one at a time.
  result<T> get() {
    if (state_ == nullptr) detail::throw_logic_error("sluice: a task was asked twice");
    if (auto waited = state_->done.wait_or_stop(); !waited) {
      return std::unexpected(waited.error());
    }
    const auto state = std::move(state_);
    if (state->failure.exception) std::rethrow_exception(state->failure.exception);
    if (state->failure.error) return std::unexpected(*std::move(state->failure.error));
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return *std::move(state->value);
    }
  }

  // Whether get() would not wait.
  [[nodiscard]] bool is_done() const noexcept { return state_ != nullptr && state_->done.is_set(); }

 private:
  friend class task_group;
  friend class runtime;
  explicit task(std::shared_ptr<detail::task_state<T>> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<detail::task_state<T>> state_;
};

// Tasks, each in a fiber of its own. They run in the scope in which the group was constructed (see
// scope.h): its deadline is theirs, and what stops it stops them; and in the group's own, which
// cancel() stops. A task fails by returning an error (a function that returns result<T>) or by an
// exception.
//
// The destructor stops the tasks that still run, and waits for them.
class task_group {
 public:
  // Errors: std::bad_alloc.
  explicit task_group(const task_group_options& options = {}) : core_(options) {}
  ~task_group() { core_.wait_for_end(); }
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  // Starts a task that runs f(args...); callable and arguments are moved into its fiber. In a group
  // that was stopped it starts as well, and its first blocking call says so.
  //
  //   Returns  nothing: it was started.
  //   Blocks   the calling fiber or plain thread, while as many run as the limit says.
  //   Errors   errc::operation_canceled, errc::deadline_exceeded: the caller was asked to stop
  //   while
  //            it waited for room. The task was not started, which counts as a failure of the
  //            group. std::system_error and what copying an argument throws, as from sluice::go();
  //            the group is as it was.
  //   Threads  any, also the group's tasks, while run() is on.
  template <class... Args>
  result<void> go(detail::task_function<std::type_identity_t<Args>...> f, Args&&... args) {
    return started([&] { f(core_, std::forward<Args>(args)...); });
  }

  // As go(), for a task whose result is wanted: f() returns T, result<T> or nothing. Its failure
  // counts as the group's all the same.
  //
  //   Errors   as go(): then the task's result is that error.
  template <class F>
    requires detail::spawnable<F>
  auto start(F&& f, const std::source_location& where = std::source_location::current())
      -> task<typename detail::result_of<std::invoke_result_t<std::decay_t<F>>>::value> {
    using T = typename detail::result_of<std::invoke_result_t<std::decay_t<F>>>::value;
    auto state = std::make_shared<detail::task_state<T>>();
    auto body = [state, function = std::forward<F>(f)]() mutable -> result<void> {
      // The group hears of it too.
      const task_failure failure = state->keep_outcome_of(std::move(function));
      if (failure.exception) std::rethrow_exception(failure.exception);
      if (failure.error) return std::unexpected(*failure.error);
      return {};
    };
    const detail::task_function<> located(std::move(body), where);
    if (auto begun = started([&] { located(core_); }); !begun) {
      state->failure.error = begun.error();
      state->done.set();
    }
    return task<T>(std::move(state));
  }

  // Waits until no task runs any more. If the calling fiber is asked to stop meanwhile, stops the
  // tasks, and waits on.
  //
  //   Returns  nothing: all tasks have succeeded. What failed first: its error, or rethrows its
  //            exception; failures() has the others. They stay, also when the group goes on.
  //   Blocks   the calling fiber or plain thread, until the last task has ended, however that is.
  //   Errors   besides: errc::operation_canceled, errc::deadline_exceeded: the caller was asked to
  //            stop, or its time was up. std::logic_error: one of the group's own tasks waits.
  //   Threads  any; several may wait.
  result<void> wait() { return core_.wait(); }

  // Asks the tasks to stop, those that run and those that come. A second call changes nothing.
  // Blocks never. Threads any.
  void cancel() noexcept { core_.cancel(); }
  [[nodiscard]] bool is_cancelled() const noexcept { return core_.is_cancelled(); }

  // Returns  how many run. It may be over when the caller looks at it.
  [[nodiscard]] std::size_t size() const noexcept { return core_.running(); }

  // Returns  what has failed so far, in the order of its end. What there was no memory for is left
  //          out, but never the first. Errors: std::bad_alloc.
  [[nodiscard]] std::vector<task_failure> failures() const { return core_.failures(); }

  // Returns  a token that cancel() stops, and what stops the group's scope. Errors: std::bad_alloc.
  [[nodiscard]] std::stop_token get_stop_token() { return core_.token(); }

 private:
  template <class Start>
  result<void> started(Start start) {
    if (auto room = core_.admit(); !room) return room;
    try {
      start();
    } catch (...) {
      core_.retract();
      throw;
    }
    return {};
  }

  detail::task_group_core core_;
};

// Several attempts at the same thing: the first one that succeeds counts, and the others are
// stopped. A value of one that succeeds later is destroyed.
//
//   first_success<net::stream> connection;
//   for (const auto& where : addresses) connection.go([where] { return dial(tcp, where); });
//   auto conn = connection.wait();
template <class T>
class first_success {
 public:
  first_success() = default;
  // The attempts run there. Errors: std::bad_alloc.
  explicit first_success(runtime& on) : core_({.on = &on}) {}

  // Starts an attempt: f() returns T or result<T>.
  // Errors and threads as of task_group::go().
  template <class F>
    requires detail::spawnable<F>
  void go(F&& f, const std::source_location& where = std::source_location::current()) {
    auto body = [this, function = std::forward<F>(f)]() mutable -> result<void> {
      return attempt(std::move(function));
    };
    const detail::task_function<> located(std::move(body), where);
    if (auto room = core_.admit(); !room) return;
    try {
      located(core_);
    } catch (...) {
      core_.retract();
      throw;
    }
    // relaxed: whoever waits has been told of this call.
    any_.store(true, std::memory_order_relaxed);
  }

  // Waits until an attempt has succeeded, and all of them have ended.
  //
  //   Returns  its value.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   of the attempt that failed first, if none has succeeded; its exception is rethrown.
  //            errc::operation_canceled, errc::deadline_exceeded: the caller was asked to stop,
  //            which stops the attempts. std::logic_error: there was no attempt, or it was asked
  //            before.
  result<T> wait() {
    if (!any_.load(std::memory_order_relaxed))
      detail::throw_logic_error("sluice: a first_success without an attempt");
    if (taken_) detail::throw_logic_error("sluice: a first_success was asked twice");
    auto all = [&]() -> result<void> {
      try {
        return core_.wait();
      } catch (...) {
        if (value_) return {};
        throw;
      }
    }();
    taken_ = value_.has_value();
    if (taken_) return *std::move(value_);
    return std::unexpected(all.error());
  }

  ~first_success() { core_.wait_for_end(); }
  first_success(const first_success&) = delete;
  first_success& operator=(const first_success&) = delete;

 private:
  template <class F>
  result<void> attempt(F function) {
    result<T> made = std::invoke(std::move(function));
    if (!made) return std::unexpected(std::move(made.error()));
    {
      const std::lock_guard held(mutex_);
      if (value_) return {};
      value_.emplace(*std::move(made));
    }
    core_.cancel();
    return {};
  }

  mutex mutex_;
  std::optional<T> value_;        // guarded by mutex_ while attempts run
  std::atomic<bool> any_{false};  // attempt was started
  bool taken_ = false;
  detail::task_group_core core_{{}};
};

}  // namespace sluice
