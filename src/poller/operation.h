// operation.h: what a completion backend carries out for a fiber that is parked meanwhile.
//
// It lies in the fiber's frame, as its buffer may, and the kernel writes to both until it has
// reported the operation; so the fiber stays until then, whatever else ends its wait.
//
//   state      means                               left by (step -> next state)
//   fresh      nobody but the fiber knows it       submitter -> submitted, before the system call
//   submitted  the kernel has it                   whoever reaps the completion -> done [B]; the
//                                                  submitter -> fresh, if the kernel refused it
//   done       the outcome is there                -
//
// Fiber's recipe:  1 set what is asked, and `whom`   2 poller::submit   3 wait on the direction's
//                  slot until is_done() [A]; a reason to stop: poller::cancel, and go on with 3
// Reaper:          1 set the outcome   2 state = done [B]   3 report `whom`, from a copy: after 2
//                  the operation may be gone
//
// [A] acquires what [B] releases: the outcome, and what the kernel wrote. The report of step 3 may
// come after the fiber has seen `done`: it is a spurious one then.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/socket.h"
#include "poller/poller.h"

namespace sluice::rt {

class operation {
 public:
  enum class kind : std::uint8_t {
    receive,     // into `data`; completes with what is there
    await_data,  // completes when a read would not wait; needs no buffer
    send,        // `data`; may send less
    accept,      // completes with a handle, and with the peer in `address`
    connect,     // to `address`
  };

  operation(kind asked, os::native_handle on) noexcept : what(asked), fd(on) {}
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;

  const kind what;
  const os::native_handle fd;
  std::span<std::byte> data;
  os::address_buffer address;
  report whom;
  // The backend's, from submit to done: what the system keeps about the operation in this process.
  alignas(16) std::array<std::byte, 48> system;

  [[nodiscard]] bool is_done() const noexcept {
    return state_.load(std::memory_order_acquire) == state::done;  // [A]
  }
  // Precondition: is_done().
  [[nodiscard]] os::outcome outcome() const noexcept { return outcome_; }

  // The backend's.
  void note_submitted() noexcept {
    // release: whoever reaps it acquires what the fiber has written; the kernel hands over the
    // address, but no sanitizer knows.
    state_.store(state::submitted, std::memory_order_release);
  }
  void note_refused() noexcept { state_.store(state::fresh, std::memory_order_relaxed); }
  // Returns whom to tell. The operation may be gone afterwards.
  [[nodiscard]] report complete(os::outcome outcome) noexcept {
    // acquire: pairs with note_submitted.
    static_cast<void>(state_.load(std::memory_order_acquire));
    outcome_ = outcome;
    const report copy = whom;
    state_.store(state::done, std::memory_order_release);  // [B]
    return copy;
  }

 private:
  enum class state : std::uint8_t { fresh, submitted, done };

  os::outcome outcome_{0};
  std::atomic<state> state_{state::fresh};
};

}  // namespace sluice::rt
