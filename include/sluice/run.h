// run.h: starts the runtime, runs a function in the first fiber, and ends when it has returned and
// every other fiber has left.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice {

// When a program ends itself because nothing in it can go on, see run_options.
enum class deadlock_reports : std::uint8_t { when_alone, always, never };

struct run_options {
  // How many fibers run at the same time. 0: the environment's SLUICE_PROCS if it is set, else what
  // the process may use: CPU affinity and the cgroup's quota (its own and every ancestor's),
  // rounded up. At most 1024.
  std::uint32_t processors = 0;

  // When f has returned, fibers that have not left after this time are reported once on the
  // standard error, each with its spawn place and what it waits for; run goes on waiting.
  std::chrono::nanoseconds stop_grace = std::chrono::seconds(10);

  // How long a worker without work goes on polling its sockets before it sleeps. Answers come
  // sooner by what a sleep and a wake-up cost, 5 to 20 us, if the next message arrives within this
  // time; the price is a CPU that is busy for this long after each last message, whether one comes
  // or not. 0: it sleeps at once. More than a second counts as one.
  std::chrono::nanoseconds spin = std::chrono::nanoseconds(0);

  // Raises the soft limit of open descriptors to the hard one, as Go does.
  bool raise_descriptor_limit = true;

  // Reports a stack overflow with the fiber and its spawn place. Uses an alternate signal stack and
  // a SIGSEGV handler that chains to the previous one. Off: an overflow is a plain SIGSEGV.
  bool report_stack_overflow = true;

  // The monitor thread wakes a processor for work that is stuck behind a long-running fiber. It
  // also does what the two options below say.
  bool monitor = true;

  // If for a second every fiber has waited for another one, without a deadline, and none for a
  // descriptor or a signal, prints them under "all fibers are asleep - deadlock!" and exits 2. A
  // plain thread could still wake one, so by default that is done only while the process has no
  // threads but the runtime's own, where the system tells (Linux). `always` is for programs
  // whose other threads leave the fibers alone.
  deadlock_reports deadlocks = deadlock_reports::when_alone;

  // SIGQUIT (Ctrl-\, on Windows Ctrl-Break) prints all fibers on the standard error, and the
  // program goes on.
  bool dump_on_quit = false;
};

// What the runtime has done since it started. Racy snapshots: each figure is right by itself.
struct runtime_stats {
  std::uint64_t fibers = 0;  // alive now
  std::uint32_t processors = 0;
  std::uint32_t workers = 0;        // operating-system threads that run fibers
  std::uint64_t spawned = 0;        // fibers started since the beginning
  std::uint64_t polls = 0;          // times a poller was asked
  std::uint64_t sleeps = 0;         // of which: a worker had nothing to do and went to sleep
  std::uint64_t parks = 0;          // fibers that stopped to wait
  std::uint64_t steals = 0;         // fibers taken from another processor's queue
  std::uint64_t wakeups = 0;        // sleeping workers woken for work
  std::uint64_t descriptors = 0;    // sockets and files the poller knows
  std::uint64_t monitor_looks = 0;  // times the monitor looked at the processors
  std::string_view poller;          // the backend in use: "epoll", "io_uring"; empty: none runs
};

// Returns  the figures of the caller's runtime (runtime.h); all zero when none runs.
// Threads  any.
[[nodiscard]] runtime_stats stats() noexcept;

namespace detail {
// Runs main(argument) in the first fiber on the calling thread and the workers it starts.
void run_main(void (*main)(void* argument), void* argument, const run_options& options,
              const std::source_location& where);
}  // namespace detail

// Runs f() in the first fiber.
//
//   Returns  f's result; rethrows what f throws. By then every fiber has ended: when f returns, the
//            others are asked to stop, every unshielded call with a result that they are in or
//            enter returns errc::operation_canceled, and run waits for them.
//   Blocks   the calling thread, which becomes one of the workers.
//   Errors   std::logic_error       the caller is a fiber, or 64 runtimes are running already
//            std::system_error      threads, memory or descriptors could not be had
//            std::invalid_argument  the environment's SLUICE_POLLER names a poller that this build
//                                   does not have. epoll is the default on Linux; io_uring is
//                                   there on request, and where the system refuses it, epoll is
//                                   used, with a line on the standard error
//   Threads  plain ones, also beside other runtimes (runtime.h), and again after it has returned.
template <std::invocable F>
auto run(F&& f, const run_options& options = {},
         const std::source_location& where = std::source_location::current())
    -> std::invoke_result_t<F> {
  using value = std::invoke_result_t<F>;
  struct frame {
    std::remove_reference_t<F>& function;
    std::conditional_t<std::is_void_v<value>, bool, std::optional<value>> outcome{};
    std::exception_ptr failure{};
  } state{f};
  detail::run_main(
      [](void* argument) {
        frame& self = *static_cast<frame*>(argument);
        try {
          if constexpr (std::is_void_v<value>) {
            std::invoke(std::forward<F>(self.function));
          } else {
            self.outcome.emplace(std::invoke(std::forward<F>(self.function)));
          }
        } catch (...) {
          self.failure = std::current_exception();
        }
      },
      &state, options, where);
  if (state.failure) std::rethrow_exception(std::move(state.failure));
  if constexpr (!std::is_void_v<value>) return std::move(*state.outcome);
}

}  // namespace sluice
