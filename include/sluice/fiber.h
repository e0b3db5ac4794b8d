// fiber.h: starting fibers, waiting for them, and what a fiber can do about itself.
#pragma once

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
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice::rt {
struct parker;
}

namespace sluice {

class runtime;

struct spawn_options {
  // Bytes a fiber can use; rounded up so that stack, guard and control block fill a power of two.
  // 0: the default, 192 KiB. Memory is taken only as it is touched. At most 1 GiB.
  std::size_t stack_size = 0;
  // For dumps, see debug.h. A literal, or other text that is never freed; null: none.
  const char* name = nullptr;
  runtime* on = nullptr;  // whose fiber it is, see runtime.h; null: the caller's
};

namespace detail {

// A fiber that has its stack, but no function yet.
struct spawn_slot {
  void* control = nullptr;
  void* closure = nullptr;  // room for the closure, on the fiber's own stack
};

struct closure_type {
  std::size_t size;
  std::size_t alignment;
  void (*run)(void* closure);  // runs and destroys it
};

[[nodiscard]] result<spawn_slot> spawn_reserve(const closure_type& type,
                                               const spawn_options& options,
                                               const std::source_location& where) noexcept;
void spawn_start(const spawn_slot& slot, const closure_type& type) noexcept;
void spawn_abandon(const spawn_slot& slot) noexcept;
[[noreturn]] void throw_spawn_failure(const error& failure);

// What lies on the new fiber's stack: the callable and its arguments.
template <class F, class... Args>
struct closure {
  F function;
  std::tuple<Args...> arguments;

  struct destroyer {
    void operator()(closure* self) const { self->~closure(); }
  };
  using owner = std::unique_ptr<closure, destroyer>;

  decltype(auto) call() {
    return std::apply(
        [&](Args&... moved) -> decltype(auto) {
          return std::invoke(std::move(function), std::move(moved)...);
        },
        arguments);
  }

  static void run(void* memory) {
    const owner self(static_cast<closure*>(memory));
    (void)self->call();
  }
};

// Defined apart from closure, which must be complete for its size.
template <class Closure>
inline constexpr closure_type closure_type_of{sizeof(Closure), alignof(Closure), &Closure::run};

// Reserves a fiber and has `build(memory)` construct its closure there; not started yet.
template <class Closure, class Build>
result<spawn_slot> prepare_fiber(const spawn_options& options, const std::source_location& where,
                                 Build build) {
  auto slot = spawn_reserve(closure_type_of<Closure>, options, where);
  if (!slot) return slot;
  try {
    build(slot->closure);
  } catch (...) {
    spawn_abandon(*slot);
    throw;
  }
  return slot;
}

// A callable by reference, and the place of the call that names it. A default argument cannot
// follow a pack, so the place is captured where the callable is converted to this type.
class located {
 public:
  template <class F>
  located(F& f, const std::source_location& where) noexcept : where_(where) {
    if constexpr (std::is_function_v<F>) {
      function_ = reinterpret_cast<void*>(&f);  // POSIX and Windows let a function pointer pass so
    } else {
      function_ = const_cast<void*>(static_cast<const volatile void*>(std::addressof(f)));
    }
  }

  template <class F>
  [[nodiscard]] std::remove_reference_t<F>& function() const noexcept {
    using pointed = std::remove_reference_t<F>;
    if constexpr (std::is_function_v<pointed>) {
      return *reinterpret_cast<pointed*>(function_);
    } else {
      return *static_cast<pointed*>(function_);
    }
  }
  [[nodiscard]] const std::source_location& where() const noexcept { return where_; }

 private:
  std::source_location where_;
  void* function_;
};

template <class F, class... Args>
concept spawnable = std::invocable<std::decay_t<F>, std::decay_t<Args>...> &&
                    std::constructible_from<std::decay_t<F>, F>;

// What go() takes first.
template <class... Args>
class spawned_function {
 public:
  template <class F>
    requires spawnable<F, Args...>
  spawned_function(F&& f,  // NOLINT: the conversion is the point
                   const std::source_location& where = std::source_location::current()) noexcept
      : site_(f, where), start_(&start<F>) {}

  result<void> operator()(const spawn_options& options, Args&&... args) const {
    return start_(site_, options, std::forward<Args>(args)...);
  }

 private:
  template <class F>
  static result<void> start(const located& site, const spawn_options& options, Args&&... args) {
    using closure_of = closure<std::decay_t<F>, std::decay_t<Args>...>;
    auto slot = prepare_fiber<closure_of>(options, site.where(), [&](void* memory) {
      ::new (memory)
          closure_of{std::forward<F>(site.template function<F>()), {std::forward<Args>(args)...}};
    });
    if (!slot) return std::unexpected(slot.error());
    spawn_start(*slot, closure_type_of<closure_of>);
    return {};
  }

  located site_;
  result<void> (*start_)(const located&, const spawn_options&, Args&&...);
};

}  // namespace detail

// Starts a detached fiber that runs f(args...). Callable and arguments are moved (or copied) into
// the fiber, as with std::thread.
//
//   Blocks   never.
//   Errors   std::system_error (errc::no_stack): no stack is to be had; f is not called. What
//            copying an argument throws. An exception that leaves f ends the program with its
//            message and the place of this call.
//   Threads  any thread while run() is on; from outside it throws std::logic_error.
template <class... Args>
void go(detail::spawned_function<std::type_identity_t<Args>...> f, Args&&... args) {
  if (auto started = f(spawn_options{}, std::forward<Args>(args)...); !started) {
    detail::throw_spawn_failure(started.error());
  }
}
template <class... Args>
void go(const spawn_options& options, detail::spawned_function<std::type_identity_t<Args>...> f,
        Args&&... args) {
  if (auto started = f(options, std::forward<Args>(args)...); !started) {
    detail::throw_spawn_failure(started.error());
  }
}

// As go, but a missing stack is a value: errc::no_stack, arguments untouched.
template <class... Args>
[[nodiscard]] result<void> try_go(detail::spawned_function<std::type_identity_t<Args>...> f,
                                  Args&&... args) {
  return f(spawn_options{}, std::forward<Args>(args)...);
}

// Lets the other runnable fibers of this processor run first.
// Blocks the calling fiber; on a plain thread it is std::this_thread::yield().
void yield() noexcept;

// Sleeps until `when`; on a plain thread the thread sleeps.
//
//   Returns  nothing once the time has come, at once if it has passed.
//   Errors   errc::operation_canceled  the fiber was asked to stop; errc::deadline_exceeded: the
//            time of with_timeout() or with_deadline() was up first.
//   Units    the steady clock.
result<void> sleep_until(time_point when) noexcept;

template <class Rep, class Period>
result<void> sleep_for(std::chrono::duration<Rep, Period> delay) noexcept {
  return sleep_until(deadline::in(delay).when());
}

namespace this_fiber {

// Returns  a number that no other living fiber has; 0 on a plain thread.
[[nodiscard]] std::uint64_t id() noexcept;

// Gives this fiber a name, for dumps: a literal, or other text that is never freed; null: none. On
// a plain thread it does nothing.
void set_name(const char* name) noexcept;

// Returns  why calls that return a result fail here and now: errc::operation_canceled, since the
//          fiber or one of its scopes was asked to stop; errc::deadline_exceeded, since the time of
//          with_timeout() or with_deadline() is up; nothing. If both, the first.
[[nodiscard]] std::optional<errc> stop_reason() noexcept;

// Returns  whether there is such a reason; for loops that compute and do not block.
[[nodiscard]] bool stop_requested() noexcept;

// Returns  the earliest end of the scopes that this is in; none, if none has an end.
[[nodiscard]] sluice::deadline current_deadline() noexcept;

// Returns  a token that is stopped when a request reaches this fiber, or this thread, in the scope
//          that it is in; one that never is, where none can (a shield, a plain thread). A passed
//          deadline does not stop it.
// Errors   std::bad_alloc: the first one of a scope allocates.
[[nodiscard]] std::stop_token get_stop_token();

// While one lives, nothing that began outside of it cuts this fiber's calls short, no request to
// stop and no deadline: for cleanup that must finish. Nests. Scopes that begin inside it are in
// force. To be destroyed by the fiber that made it.
class shield {
 public:
  shield() noexcept;
  ~shield();
  shield(const shield&) = delete;
  shield& operator=(const shield&) = delete;

 private:
  rt::parker& self_;
  void* outer_;
  std::int64_t outer_end_;
  bool outer_shielded_;
};

}  // namespace this_fiber

namespace detail {

// What a handle and its fiber share: whether it has ended, who waits for that, whom to stop.
class join_state {
 public:
  join_state() noexcept {}  // complete when started() has been called
  ~join_state();
  join_state(const join_state&) = delete;
  join_state& operator=(const join_state&) = delete;

  void started(const spawn_slot& slot) noexcept;  // before the fiber can run
  // By the fiber, at its end. True: there is no handle, the caller frees the state.
  [[nodiscard]] bool finished() noexcept;
  // By the handle, at its end. True: the fiber has ended, the caller frees the state.
  [[nodiscard]] bool abandon() noexcept;
  void request_stop() noexcept;
  // Returns why the caller should stop, if it did not come to the end. Throws std::logic_error if
  // it is the fiber itself.
  [[nodiscard]] std::optional<errc> wait();
  // The same for a destructor: not cut short, and it does not throw.
  void wait_for_end() noexcept;
  [[nodiscard]] std::uint64_t fiber_id() const noexcept;
  [[nodiscard]] std::stop_token token();

 private:
  struct internals;
  alignas(8) std::byte memory_[96];
  bool started_ = false;
  internals& inside() const noexcept;
  bool is_own(const rt::parker& waiter) const noexcept;
  std::optional<errc> await_end(rt::parker& waiter, bool stoppable) noexcept;
};

template <class T>
class join_value : public join_state {
 public:
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  std::optional<stored> value;
  std::exception_ptr failure;
};

// What lies on the stack of a fiber that somebody holds a handle to.
template <class T, class F, class... Args>
struct joined_closure {
  closure<F, Args...> inner;
  join_value<T>* state;

  static void run(void* memory) {
    auto* const self = static_cast<joined_closure*>(memory);
    join_value<T>* const state = self->state;
    fill(*state, self->inner);
    if (state->finished()) delete state;
  }

 private:
  // Whoever joins may rely on it that callable and arguments are gone, as with std::thread.
  static void fill(join_value<T>& state, closure<F, Args...>& inner) {
    const typename closure<F, Args...>::owner self(&inner);
    try {
      if constexpr (std::is_void_v<T>) {
        inner.call();
        state.value.emplace();
      } else {
        state.value.emplace(inner.call());
      }
    } catch (...) {
      state.failure = std::current_exception();
    }
  }
};

// What the constructor of fiber<T> takes first.
template <class T, class... Args>
class joinable_function {
 public:
  using state_pointer = std::unique_ptr<join_value<T>>;

  template <class F>
    requires spawnable<F, Args...>
  joinable_function(F&& f,  // NOLINT: the conversion is the point
                    const std::source_location& where = std::source_location::current()) noexcept
      : site_(f, where), start_(&start<F>) {}

  state_pointer operator()(const spawn_options& options, Args&&... args) const {
    return start_(site_, options, std::forward<Args>(args)...);
  }

 private:
  template <class F>
  static state_pointer start(const located& site, const spawn_options& options, Args&&... args) {
    using closure_of = joined_closure<T, std::decay_t<F>, std::decay_t<Args>...>;
    auto state = std::make_unique<join_value<T>>();
    auto slot = prepare_fiber<closure_of>(options, site.where(), [&](void* memory) {
      ::new (memory)
          closure_of{{std::forward<F>(site.template function<F>()), {std::forward<Args>(args)...}},
                     state.get()};
    });
    if (!slot) throw_spawn_failure(slot.error());
    state->started(*slot);
    spawn_start(*slot, closure_type_of<closure_of>);
    return state;
  }

  located site_;
  state_pointer (*start_)(const located&, const spawn_options&, Args&&...);
};

[[noreturn]] void throw_logic_error(const char* sentence);

}  // namespace detail

// A handle to a fiber, with the manners of std::jthread: the destructor asks the fiber to stop and
// waits for it. Its function returns T.
template <class T = void>
class [[nodiscard]] fiber {
 public:
  fiber() noexcept = default;

  // Starts f(args...) in a fiber of its own. Errors and threads as for go().
  template <class... Args>
  explicit fiber(detail::joinable_function<T, std::type_identity_t<Args>...> f, Args&&... args)
      : state_(f(spawn_options{}, std::forward<Args>(args)...)) {}
  template <class... Args>
  fiber(const spawn_options& options, detail::joinable_function<T, std::type_identity_t<Args>...> f,
        Args&&... args)
      : state_(f(options, std::forward<Args>(args)...)) {}

  fiber(fiber&& other) noexcept = default;
  fiber& operator=(fiber&& other) noexcept {
    fiber old(std::move(other));
    std::swap(state_, old.state_);
    return *this;
  }
  ~fiber() {
    if (!joinable()) return;
    request_stop();
    // Not cut short: the fiber may use what its owner destroys next.
    state_->wait_for_end();
  }

  [[nodiscard]] bool joinable() const noexcept { return state_ != nullptr; }

  // Waits for the fiber's end.
  //
  //   Returns  what its function returned; rethrows what it threw. The handle is empty afterwards.
  //   Blocks   the calling fiber or thread.
  //   Errors   errc::operation_canceled, errc::deadline_exceeded  the *calling* fiber was asked to
  //            stop, or its time is up; the handle is still joinable. std::logic_error: an empty
  //            handle, or a fiber that joins itself.
  result<T> join();

  // Asks the fiber to stop: its unshielded blocking calls return errc::operation_canceled, and so
  // do those of the tasks of its groups. A second request changes nothing.
  // Threads  any, one call on a handle at a time.
  void request_stop() noexcept {
    if (state_ != nullptr) state_->request_stop();
  }

  // Returns  a token that request_stop(), the destructor and the end of run() stop; one that never
  //          is for an empty handle. Allocates at the first call.
  [[nodiscard]] std::stop_token get_stop_token() const {
    return state_ != nullptr ? state_->token() : std::stop_token();
  }

  // Lets it run on by itself.
  void detach() noexcept {
    if (state_ != nullptr && !state_->abandon()) (void)state_.release();
    state_.reset();
  }

  [[nodiscard]] std::uint64_t id() const noexcept {
    return state_ != nullptr ? state_->fiber_id() : 0;
  }

 private:
  std::unique_ptr<detail::join_value<T>> state_;
};

template <class F, class... Args>
  requires detail::spawnable<F, Args...>
fiber(F&&, Args&&...) -> fiber<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;
template <class F, class... Args>
fiber(const spawn_options&, F&&, Args&&...)
    -> fiber<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

template <class T>
result<T> fiber<T>::join() {
  if (!joinable()) detail::throw_logic_error("sluice: join of an empty fiber handle");
  if (const auto why = state_->wait()) return std::unexpected(error(*why));
  const auto state = std::move(state_);
  if (state->failure) std::rethrow_exception(std::move(state->failure));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*state->value);
  }
}

namespace detail {

struct local_key {
  std::uint64_t number;
  void (*destroy)(void* value) noexcept;
};
[[nodiscard]] std::uint64_t new_local_number() noexcept;
// The calling fiber's (or plain thread's) value, or nullptr.
[[nodiscard]] void* local_find(const local_key& key) noexcept;
void local_insert(const local_key& key, void* value);

}  // namespace detail

// A variable of which each fiber (and each plain thread) has its own, made at its first use there
// and destroyed when the fiber ends, last made first. The variable itself outlives the fibers that
// use it: make it static.
template <class T>
class fiber_local {
 public:
  fiber_local() = default;
  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;

  // Returns  this fiber's value; value-initialised at the first use. The reference is good for as
  //          long as the fiber lives, wherever it runs. Allocates at the first use.
  [[nodiscard]] T& get() const {
    if (void* found = detail::local_find(key_)) return *static_cast<T*>(found);
    auto made = std::make_unique<T>();
    T& value = *made;
    detail::local_insert(key_, made.get());
    (void)made.release();
    return value;
  }
  [[nodiscard]] T& operator*() const { return get(); }
  [[nodiscard]] T* operator->() const { return std::addressof(get()); }

 private:
  const detail::local_key key_{detail::new_local_number(),
                               [](void* value) noexcept { delete static_cast<T*>(value); }};
};

}  // namespace sluice
