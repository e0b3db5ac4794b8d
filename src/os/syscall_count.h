// syscall_count.h: how many system calls the library makes, by kind, for the tests that hold it to
// a budget, and for traces. Off unless one of them switches it on: one load and a branch a call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/unseen.h"

namespace sluice::os {

enum class call : std::uint8_t { read, write, accept, poll_wait, poll_control, wake, other, count };

struct call_counters {
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(call::count)> of{};
  // relaxed throughout: plain tallies, read when everything has come to rest.
  // Called for each, and nothing is counted: for traces.
  void (*instead)(call kind) noexcept = nullptr;
  [[nodiscard]] std::uint64_t operator[](call kind) const noexcept {
    return of[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }
};

// Set by a test before the runtime starts, cleared after it has ended; or by a trace.
inline std::atomic<call_counters*> active_call_counters{nullptr};

// Every wrapper of a system call in os/ says which kind it is. Inlined, since a signal's handler
// may be the caller (base/unseen.h).
[[gnu::always_inline]] inline void count_call(call kind) noexcept {
  // Pairs with the test's store; the counters were constructed before.
  if (call_counters* counters = unseen_load(active_call_counters)) [[unlikely]] {
    if (counters->instead != nullptr) return counters->instead(kind);
    counters->of[static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace sluice::os
