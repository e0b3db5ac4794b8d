// debug.h: what the program's fibers are doing.
//
//   fibers: 2, processors: 2
//     fiber 1 "main": accept 127.0.0.1:8080, for 12.0 s, stack 2 of 192 KiB, spawned at echo.cc:20
//     fiber 7 "reader": read 127.0.0.1:8080←127.0.0.1:51234, for 3.2 s, until in 56.8 s, ...
//
// The same is printed when all fibers wait for each other (run_options::deadlocks), at SIGQUIT
// (run_options::dump_on_quit), and when fibers do not end although they were asked to.
#pragma once

#include <iosfwd>
#include <mutex>
#include <string>

namespace sluice::debug {

struct dump_options {
  // A line for each fiber. Else those with the same spawn place that wait for the same kind of
  // thing are counted, and four of them shown, so that a million fibers take no more room than ten.
  bool each = false;
  // Below each fiber that is shown and waits, and below the caller's: the calls that it is in, the
  // innermost first. Whoever wakes one of them meanwhile wakes it when its stack has been looked
  // at, some microseconds later.
  bool backtraces = false;
};

// Every fiber: its number and name, what it waits for, for how long and until when, its stack, and
// where it was spawned. A look while they run on: each line was true at its time.
//
//   Returns  the text; that no runtime runs, if none does.
//   Blocks   never; the text is made before it is written.
//   Errors   std::bad_alloc; what writing throws.
//   Threads  any.
[[nodiscard]] std::string dump(const dump_options& options = {});
void dump(std::ostream& out, const dump_options& options = {});

// A std::mutex that knows its fiber: debug builds of the library end the program with a sentence if
// the fiber waits, yields or ends while it holds one. The thread would run other fibers, which
// would block on the mutex, and with them the thread that has to come back to it. For critical
// sections in which nothing waits; where something may, sluice::mutex is the one.
class checked_std_mutex {
 public:
  checked_std_mutex() = default;
  checked_std_mutex(const checked_std_mutex&) = delete;
  checked_std_mutex& operator=(const checked_std_mutex&) = delete;

  // As std::mutex's. Block: the thread.
  void lock();
  [[nodiscard]] bool try_lock();
  void unlock();

 private:
  std::mutex mutex_;
};

}  // namespace sluice::debug
