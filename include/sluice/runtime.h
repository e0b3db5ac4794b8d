// runtime.h: the runtime as an object, for programs that have a main of their own and for several
// runtimes in one process. Most programs want run() instead.
//
//   sluice::runtime background({.processors = 2});
//   auto answer = background.go([] { return ask("127.0.0.1:7000"); }).get();   // a result
#pragma once

#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

#include "sluice/fiber.h"
#include "sluice/run.h"
#include "sluice/task_group.h"

namespace sluice::rt {
class runtime;
[[nodiscard]] runtime& core_of(const sluice::runtime& which) noexcept;
}  // namespace sluice::rt

namespace sluice {

// Worker threads of its own, and fibers on them, from construction to destruction. What a fiber
// starts runs in its runtime. Channels, locks and the other things of sync.h and channel.h serve
// fibers of all runtimes and plain threads alike; a connection belongs to the runtime that it was
// made in (a fiber of another one gets errc::wrong_runtime; release() and adopt() move it). A plain
// thread that names none, in go() or listen(), means the runtime that has run for the longest time.
//
// The deadlock report looks only at a runtime that run() has started, and that is the only one.
class runtime {
 public:
  // Starts the workers. The options are run()'s.
  //
  //   Errors   as run(); std::logic_error: 64 are running already.
  explicit runtime(const run_options& options = {});
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  // As the end of run(): asks every fiber to stop, and waits until all have ended.
  // Blocks the calling thread; not from a fiber of this runtime, which ends the program.
  ~runtime();

  // Starts a fiber of this runtime that runs f(), which returns T, result<T> or nothing.
  //
  //   Returns  the task, whose get() has what f returned or threw. If it is dropped, the fiber goes
  //            on, and that is lost; sluice::go({.on = &runtime}, f) is for when nobody asks.
  //   Blocks   never.
  //   Errors   as sluice::go().
  //   Threads  any, fibers of any runtime and plain threads, before the destruction begins.
  template <class F>
    requires detail::spawnable<F>
  auto go(F&& f, const std::source_location& where = std::source_location::current())
      -> task<typename detail::result_of<std::invoke_result_t<std::decay_t<F>>>::value> {
    using T = typename detail::result_of<std::invoke_result_t<std::decay_t<F>>>::value;
    auto state = std::make_shared<detail::task_state<T>>();
    auto body = [state, function = std::forward<F>(f)]() mutable {
      state->keep_outcome_of(std::move(function));
    };
    const detail::spawned_function<> located(std::move(body), where);
    sluice::go({.on = this}, located);
    return task<T>(std::move(state));
  }

  // Asks every fiber to stop, and those that come. Never blocks. Threads: any.
  void request_stop() noexcept;

  // Returns  this runtime's figures, as stats(). Threads: any.
  [[nodiscard]] runtime_stats stats() const noexcept;

 private:
  friend rt::runtime& rt::core_of(const runtime& which) noexcept;
  struct internals;
  std::unique_ptr<internals> inside_;
};

}  // namespace sluice
