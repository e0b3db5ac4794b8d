// model_engine.h: runs a model through every schedule and every choice of its memory.
//
// Recipe of a search: 1 build the scenario, start its threads, let each run up to its first atomic
// operation   2 at each point where a thread stands before an atomic operation, choose which thread
// goes on; in the operation, choose what a load takes   3 note every choice; when the execution is
// over, change the last choice that has alternatives left, drop what came after it, and run again
// from the start.
//
// A state that has been met before is not followed again. The state is the memory and, for each
// thread, what it has read so far: since threads are deterministic, that says where each stands and
// what its own variables hold. Everything that threads share must therefore go through the model's
// types, plain variables included. (A state is kept as a 64-bit hash: with a million states, the
// chance that two collide is 1 in 10^7.) Rejected: partial-order reduction, which needs a notion of
// independence that seq_cst fences spoil, and preemption bounds, which hide what they cut off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "testing/model_coroutine.h"
#include "testing/model_memory.h"

namespace sluice::model {

using site = std::source_location;

// What can be wrong with an operation on purpose, so that models can be shown to notice.
enum class fault_kind : std::uint8_t {
  none,
  relaxed,  // its memory order is relaxed; a fence does nothing
  skipped,  // a store or read-modify-write changes nothing; a fence does nothing
  torn,     // a read-modify-write is a load and, later, a store
  forced,   // a compare-and-swap does not compare: it stores and succeeds
  pretend,  // a compare-and-swap that fails says that it succeeded
  elided,   // a compare-and-swap of equal values stores nothing
  early,  // a load is moved up before the thread's last two operations: a loop's look and its swap
};

enum class operation : std::uint8_t { any, load, store, modify, exchange, swap, fence, barrier };

struct fault {
  fault_kind kind = fault_kind::none;
  const char* function = "";  // the shipped function that the operation stands in
  operation what = operation::any;
};

struct options {
  std::string name;
  fault planted{};
  std::size_t max_executions = 20'000'000;  // reaching it fails the search: nothing is cut silently
  std::size_t max_steps = 1'000;            // of one execution: more is a livelock
  // Every load takes the newest store, and plain data is not checked: for scenarios of more threads
  // than all of C++'s memory leaves room for. Says so in its line of output.
  bool sequential = false;
  int spurious_failures = 1;  // of weak compare-and-swaps, per execution
};

struct outcome {
  std::string failure;         // empty: every execution was as it should be
  std::string schedule;        // the steps that led to the failure
  std::size_t executions = 0;  // run to their end
  std::size_t joined = 0;      // run up to a state that had been met
  std::size_t states = 0;
  std::size_t longest = 0;
  std::size_t planted = 0;  // how often the planted fault was met
  [[nodiscard]] bool passed() const { return failure.empty(); }
};

class engine {
 public:
  // Handed to the scenario's declare().
  using body = std::function<void()>;

  explicit engine(options chosen);
  // `build` makes the scenario, adds its threads, and returns what keeps it alive.
  outcome explore(const std::function<std::shared_ptr<void>(engine&)>& build);

  void add_thread(std::string name, body run);
  void set_end(body check) { end_ = std::move(check); }

  // The model's types call these; see model.h.
  static engine& here();
  memory& state() { return memory_; }
  [[nodiscard]] std::size_t running() const { return running_; }
  std::uint64_t load(std::size_t location, std::memory_order order, const site& where);
  void store(std::size_t location, std::uint64_t value, std::memory_order order, const site& where);
  using combine = std::uint64_t (*)(std::uint64_t old, std::uint64_t argument);
  std::uint64_t modify(std::size_t location, combine change, std::uint64_t argument,
                       std::memory_order order, operation what, const site& where);
  struct swap_request {
    std::uint64_t expected, desired;
    bool weak;
    std::memory_order success, failure;
  };
  bool swap(std::size_t location, swap_request& request, const site& where);
  void fence(const site& where);
  void barrier(const site& where);
  std::uint64_t read_cell(std::size_t cell, const site& where);
  void write_cell(std::size_t cell, std::uint64_t value, const site& where);
  std::uint64_t& ghost(std::size_t index);
  void post(std::size_t channel, const site& where);
  void wait(std::size_t channel, bool may_sleep, const site& where);
  void note(std::uint64_t value);
  void forget(std::uint64_t all_it_knows, const site& where);
  [[noreturn]] void fail(const char* sentence);

 private:
  static constexpr std::size_t nobody = ~std::size_t{0};

  struct choice {
    std::uint32_t chosen, count;
  };
  struct thread {
    std::string name;
    body run;
    std::uint64_t history = 0;
    std::size_t waits_for = nobody;  // a channel
    bool may_sleep = false;
    bool finished = false;
    // Of the fault `early`: when, in the memory's count of stores, the last three operations were.
    std::size_t before[3] = {};
  };
  // Why the coroutines gave the control back.
  enum class ending : std::uint8_t { started, complete, joined, failed };

  static void enter();
  ending run_once(const std::function<std::shared_ptr<void>(engine&)>& build);
  void run_end();
  bool next_path();
  [[noreturn]] void stop(ending why);
  void point();
  void hand_over();
  [[nodiscard]] bool enabled(const thread& each) const;
  [[nodiscard]] std::uint64_t digest();
  bool met_before();
  [[nodiscard]] bool all_asleep();
  std::size_t choose(std::size_t count);
  bool begin(operation what, std::memory_order& order, const site& where);
  std::uint64_t take(std::size_t location, std::memory_order order, const site& where);
  std::uint64_t take_early(std::size_t location);
  void trace(const site& where, const std::string& what);
  void report(const outcome& result, double seconds) const;

  options options_;
  const std::string faulty_;  // how the compiler writes the function with the planted fault
  memory memory_;
  std::vector<thread> threads_;  // 0 is the scenario's constructor
  std::vector<std::unique_ptr<coroutine>> stacks_;
  coroutine main_;
  body end_;
  std::size_t running_ = 0;
  bool starting_ = false;  // each thread runs up to its first operation
  bool at_end_ = false;    // the scenario's last check runs, alone
  ending ending_ = ending::started;
  std::size_t steps_ = 0;
  int spurious_left_ = 0;
  std::vector<choice> path_;
  std::size_t position_ = 0;
  std::vector<std::uint64_t> met_;  // open addressing; 0 is free
  std::size_t met_size_ = 0;
  bool tracing_ = false;
  std::string failure_;
  std::string schedule_;
  std::size_t planted_ = 0;
};

}  // namespace sluice::model
