// model.h: a small exhaustive model checker for the state machines of this project.
//
// The state machines are templates over an `Atomics` policy (base/atomics.h). A scenario makes them
// with model_atomics and says what a few threads do with them; explore() then runs every
// interleaving, with everything that C++'s memory model lets a load see (model_memory.h), and
// reports the schedule of the first execution that goes wrong:
//
//   data race     two accesses to a var<T>, not ordered
//   assertion     expect() was given false
//   deadlock      nobody can go on, and somebody waits who must not sleep for ever: a lost wake-up
//   livelock      an execution of more than options.max_steps
//
//   struct scenario {
//     basic_park_word<model_atomics> word;
//     void declare(model::engine& run) {
//       run.add_thread("fiber", [this] { ... });
//       run.set_end([this] { expect(...); });     // after every complete execution
//     }
//   };
//   auto outcome = model::explore<scenario>({.name = "park word"});
//
// What threads share must be atomic<T>, var<T>, ghost<T>, semaphore or mutex, never a plain
// variable (model_engine.h says why). A thread owns no memory: an execution that is cut short
// abandons its stack. Faults are planted from outside, by function name and operation, so that the
// shipped code is what is tested in its faulty form too.
#pragma once

#include <cstring>
#include <type_traits>

#include "testing/model_engine.h"

namespace sluice::model {

template <class T>
std::uint64_t to_bits(T value) noexcept {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) noexcept {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

// The assertion of models.
inline void expect(bool holds, const char* sentence) {
  if (!holds) engine::here().fail(sentence);
}

// At the head of a loop: whatever the thread has read so far, all that it still knows is `value`.
// States that differ in what is forgotten here count as one, so that a loop has fewer of them.
inline void forget_all_but(std::uint64_t value, const site& where = site::current()) {
  engine::here().forget(value, where);
}

template <class T>
class atomic {
 public:
  atomic(T value = T{}) : index_(engine::here().state().add_location(to_bits(value))) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst,
         const site& where = site::current()) const noexcept {
    return from_bits<T>(engine::here().load(index_, order, where));
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst,
             const site& where = site::current()) noexcept {
    engine::here().store(index_, to_bits(value), order, where);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
             const site& where = site::current()) noexcept {
    return modify([](std::uint64_t, std::uint64_t next) { return next; }, value, order, where,
                  operation::exchange);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst,
              const site& where = site::current()) noexcept {
    return modify(
        [](std::uint64_t old, std::uint64_t more) {
          return to_bits(static_cast<T>(from_bits<T>(old) + from_bits<T>(more)));
        },
        value, order, where);
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst,
              const site& where = site::current()) noexcept {
    return modify(
        [](std::uint64_t old, std::uint64_t less) {
          return to_bits(static_cast<T>(from_bits<T>(old) - from_bits<T>(less)));
        },
        value, order, where);
  }
  T fetch_and(T value, std::memory_order order = std::memory_order_seq_cst,
              const site& where = site::current()) noexcept {
    return modify([](std::uint64_t old, std::uint64_t mask) { return old & mask; }, value, order,
                  where);
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst,
             const site& where = site::current()) noexcept {
    return modify([](std::uint64_t old, std::uint64_t bits) { return old | bits; }, value, order,
                  where);
  }

  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure,
                             const site& where = site::current()) noexcept {
    return swap(expected, {to_bits(expected), to_bits(desired), true, success, failure}, where);
  }
  bool compare_exchange_weak(T& expected, T desired,
                             std::memory_order order = std::memory_order_seq_cst,
                             const site& where = site::current()) noexcept {
    return compare_exchange_weak(expected, desired, order, on_failure(order), where);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure,
                               const site& where = site::current()) noexcept {
    return swap(expected, {to_bits(expected), to_bits(desired), false, success, failure}, where);
  }
  bool compare_exchange_strong(T& expected, T desired,
                               std::memory_order order = std::memory_order_seq_cst,
                               const site& where = site::current()) noexcept {
    return compare_exchange_strong(expected, desired, order, on_failure(order), where);
  }

 private:
  static std::memory_order on_failure(std::memory_order order) noexcept {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    if (order == std::memory_order_release) return std::memory_order_relaxed;
    return order;
  }
  T modify(engine::combine change, T argument, std::memory_order order, const site& where,
           operation what = operation::modify) noexcept {
    return from_bits<T>(
        engine::here().modify(index_, change, to_bits(argument), order, what, where));
  }
  bool swap(T& expected, engine::swap_request request, const site& where) noexcept {
    const bool swapped = engine::here().swap(index_, request, where);
    if (!swapped) expected = from_bits<T>(request.expected);
    return swapped;
  }

  std::size_t index_;
};

struct model_atomics {
  template <class T>
  using atomic = model::atomic<T>;

  static void fence(const site& where = site::current()) noexcept { engine::here().fence(where); }
  // The model's loads and stores are not moved by any compiler.
  static void signal_fence() noexcept {}
  // A seq_cst fence in every thread, as the system call makes it.
  static void membarrier(const site& where = site::current()) noexcept {
    engine::here().barrier(where);
  }
};

// Plain data: every access is checked against data races.
template <class T>
class var {
 public:
  var(T value = T{}) : index_(engine::here().state().add_cell(to_bits(value))) {}
  var(const var&) = delete;
  var& operator=(const var&) = delete;
  T read(const site& where = site::current()) const {
    return from_bits<T>(engine::here().read_cell(index_, where));
  }
  void write(T value, const site& where = site::current()) {
    engine::here().write_cell(index_, to_bits(value), where);
  }

 private:
  std::size_t index_;
};

// The model's own notes (who is inside, how often was this resumed): no scheduling, no ordering. A
// change happens in one step with the atomic operation before it.
template <class T>
class ghost {
 public:
  ghost(T value = T{}) : index_(engine::here().state().add_ghost(to_bits(value))) {}
  ghost(const ghost&) = delete;
  ghost& operator=(const ghost&) = delete;
  operator T() const { return from_bits<T>(engine::here().ghost(index_)); }
  void set(T value) { engine::here().ghost(index_) = to_bits(value); }
  void add(T more) { set(static_cast<T>(*this + more)); }

 private:
  std::size_t index_;
};

// Stands for whatever hands something over by other means: a run queue, an eventfd. Each wait takes
// one post, in order, and with it what happened before.
class semaphore {
 public:
  semaphore() : index_(engine::here().state().add_channel()) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  void post(const site& where = site::current()) { engine::here().post(index_, where); }
  void wait(const site& where = site::current()) { engine::here().wait(index_, false, where); }
  // As wait, by somebody who may well sleep when all is done.
  void sleep(const site& where = site::current()) { engine::here().wait(index_, true, where); }
  // Takes posts that are there, without waiting.
  void drain() {
    while (engine::here().state().available(index_)) {
      engine::here().state().take(index_, engine::here().running());
    }
  }

 private:
  std::size_t index_;
};

class mutex {
 public:
  mutex() { free_.post(); }
  void lock(const site& where = site::current()) { free_.wait(where); }
  void unlock(const site& where = site::current()) { free_.post(where); }

 private:
  semaphore free_;
};

// Runs every execution of Scenario(arguments...), and prints what it did.
template <class Scenario, class... Arguments>
outcome explore(options chosen, const Arguments&... arguments) {
  engine search(std::move(chosen));
  return search.explore([&](engine& run) -> std::shared_ptr<void> {
    auto scenario = std::make_shared<Scenario>(arguments...);
    scenario->declare(run);
    return scenario;
  });
}

}  // namespace sluice::model
