// atomics.h: the one indirection that lets a model checker run the shipped state machines.
//
// Every lock-free state machine of the project is a template over an `Atomics` policy. The library
// instantiates it with `real_atomics`; the models under src/testing instantiate it with atomics
// whose every access is a scheduling point. Rejected: modelling a copy of the code, since the copy
// is what gets verified and the original is what gets shipped.
#pragma once

#include <atomic>

namespace sluice::rt {

struct real_atomics {
  template <class T>
  using atomic = std::atomic<T>;

  // seq_cst between a store and a later load of another location; see each use for its partner.
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  // Keeps the compiler, not the CPU, from moving accesses across it.
  static void signal_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
};

}  // namespace sluice::rt
