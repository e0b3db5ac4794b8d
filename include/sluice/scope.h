// scope.h: deadlines and requests to stop that reach every blocking call inside by themselves.
//
//   auto greeting = with_timeout(5s, [&] { return handshake(conn); });
//
// Inside, every call of sluice that returns a result is cut short: reads and writes, accept, dial,
// channels, select, sleeps, joins, the _or_stop forms of locks and waits. It returns
// errc::deadline_exceeded or errc::operation_canceled, at once if the scope is over when it begins,
// and docs/sync.md says for each what it has done by then. Nothing is killed and nothing thrown:
// the function returns as it returns from any other error. What has the standard's name and
// signature (lock, condition waits, acquire, latch and barrier waits, their _for and _until forms)
// is not cut short. A scope is a frame: it takes no fiber, no thread and no memory.
//
// Scopes nest: the earlier deadline counts, and what stops the outer one stops the inner ones. They
// reach the tasks of a task_group that was constructed inside; fibers started by go() and fiber<T>
// belong to the whole program. All of it works on plain threads too.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/fiber.h"

namespace sluice {
namespace detail {

class deadline_scope {
 public:
  explicit deadline_scope(deadline until) noexcept;
  ~deadline_scope();
  deadline_scope(const deadline_scope&) = delete;
  deadline_scope& operator=(const deadline_scope&) = delete;

 private:
  rt::parker& self_;
  const std::int64_t outer_;
};

class stop_scope {
 public:
  explicit stop_scope(const std::stop_token& token) noexcept;
  ~stop_scope();
  stop_scope(const stop_scope&) = delete;
  stop_scope& operator=(const stop_scope&) = delete;

 private:
  struct internals;
  alignas(8) std::byte memory_[160];
  internals& inside() noexcept;
};

}  // namespace detail

// Calls f(), whose blocking calls fail from `until` on.
//
//   Returns  what f returns; throws what f throws.
//   Blocks   as f does.
//   Threads  any.
//   Units    the steady clock. In the past: every blocking call in f fails; none: no other end than
//            those around.
template <std::invocable F>
std::invoke_result_t<F> with_deadline(deadline until, F&& f) {
  const detail::deadline_scope inside(until);
  return std::invoke(std::forward<F>(f));
}

// As with_deadline(), `delay` from now. Not positive: in the past.
template <class Rep, class Period, std::invocable F>
std::invoke_result_t<F> with_timeout(std::chrono::duration<Rep, Period> delay, F&& f) {
  return with_deadline(deadline::in(delay), std::forward<F>(f));
}

// Calls f(), whose blocking calls fail once the token is stopped. A token without a source stops
// nothing.
//
//   Returns  what f returns; throws what f throws.
//   Blocks   as f does.
//   Threads  any, also for who stops the token, which never blocks for this.
template <std::invocable F>
std::invoke_result_t<F> with_stop_token(const std::stop_token& token, F&& f) {
  const detail::stop_scope inside(token);
  return std::invoke(std::forward<F>(f));
}

// Calls f(), whose blocking calls nothing cuts short that began outside: for cleanup that must
// finish, also in a destructor after a request to stop. Scopes that begin in f are in force.
//
//   Returns  what f returns; throws what f throws.
//   Blocks   as f does.
//   Threads  any.
template <std::invocable F>
std::invoke_result_t<F> shield(F&& f) {
  const this_fiber::shield inside;
  return std::invoke(std::forward<F>(f));
}

}  // namespace sluice
