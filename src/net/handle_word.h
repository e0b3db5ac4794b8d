// handle_word.h: who is inside a descriptor: its readers and writers take turns, and closing waits
// until everybody has left. One word, so that entering with the turn is one compare-and-swap, and
// leaving with it is another.
//
//   bits          mean                                    changed by
//   closed        nobody may enter any more               close, once, for ever
//   locked(side)  one user has this direction's turn      take, hand over (stays set), give back
//   queued(side)  users wait for this direction's turn    enqueue, dequeue; under the queues' lock
//   users:24      everybody inside: those with a turn,    enter, take, enqueue; leave, give back
//                 those who wait for one, those who need
//                 none (options, addresses, shutdown),
//                 and the one who closes
//
// Taking a turn:  1 try_take; busy: 2 begin the park, lock the queues 3 enqueue [A]; taken or
//                 closed: unlock, withdraw 4 stand in the queue, unlock, park; woken by a partner:
//                 the turn is ours
// Giving it back: 1 give_back [B]; refused (queued or closed): 2 lock the queues 3 hand the turn to
//                 the first waiter that can be claimed and leave without it; nobody: give it back
// Closing:        1 close [C]; refused: somebody has closed already 2 wake whoever waits for the
//                 descriptor, then for a turn 3 leave; wait until no users are left
//                 4 the descriptor is the closer's alone
//
// [A] and [B] are compare-and-swaps on the same word: either [A] sees the turn free, or [B] sees
// the queue. [C] and entering likewise: a user either is counted before, or is refused.
//
// Rejected: Go's fdMutex, which counts the waiters of each direction in the word and lets a woken
// one compete again (a writer in a loop starves the others), and a lock for each direction (four
// more atomic operations for every read).
#pragma once

#include <cstdint>

#include "base/atomics.h"
#include "poller/poll_desc.h"

namespace sluice::net {

using rt::direction;

enum class turn_result : std::uint8_t {
  taken,   // inside, with the turn
  busy,    // not inside: somebody has the turn
  queued,  // inside, without the turn: stand in the queue
  closed,  // not inside
};

template <class Atomics>
class basic_handle_word {
 public:
  // A user that needs no turn. False: closed.
  [[nodiscard]] bool enter() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & closed) == 0) {
      if (swap(now, now + user)) return true;
    }
    return false;
  }

  [[nodiscard]] turn_result try_take(direction side) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((now & closed) != 0) return turn_result::closed;
      if ((now & locked(side)) != 0) return turn_result::busy;
      if (swap(now, (now | locked(side)) + user)) return turn_result::taken;
    }
  }

  // Under the queues' lock. [A]
  [[nodiscard]] turn_result enqueue(direction side) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((now & closed) != 0) return turn_result::closed;
      const bool busy = (now & locked(side)) != 0;
      if (swap(now, (now | (busy ? queued(side) : locked(side))) + user)) {
        return busy ? turn_result::queued : turn_result::taken;
      }
    }
  }

  // Leaves with the turn. False: somebody waits, for the turn or to close; lock the queues. [B]
  [[nodiscard]] bool give_back(direction side) noexcept {
    return leave_unless(closed | queued(side), locked(side));
  }

  // Leaves without a turn. False: somebody waits to close; lock the queues.
  [[nodiscard]] bool leave() noexcept { return leave_unless(closed, 0); }

  // Under the queues' lock: leaves and clears what is over. Returns how many users are left.
  std::uint64_t leave_slowly(std::uint64_t cleared) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while (!swap(now, (now & ~cleared) - user)) {
    }
    return (now & ~cleared) / user - 1;
  }
  // Under the queues' lock: the last waiter of this direction has been taken out.
  void dequeue(direction side) noexcept {
    // relaxed: the lock orders it.
    word_.fetch_and(~queued(side), std::memory_order_relaxed);
  }

  // True: the caller is the one who closes, and counts as a user. [C]
  [[nodiscard]] bool close() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & closed) == 0) {
      if (swap(now, (now | closed) + user)) return true;
    }
    return false;
  }

  [[nodiscard]] bool is_closed() const noexcept {
    // acquire: what closing published is seen.
    return (word_.load(std::memory_order_acquire) & closed) != 0;
  }
  [[nodiscard]] std::uint64_t users() const noexcept {
    // acquire: pairs with the last user's swap; what it did has happened.
    return word_.load(std::memory_order_acquire) / user;
  }

  static constexpr std::uint64_t locked(direction side) noexcept {
    return std::uint64_t{2} << static_cast<unsigned>(side);
  }
  static constexpr std::uint64_t queued(direction side) noexcept {
    return std::uint64_t{8} << static_cast<unsigned>(side);
  }

 private:
  static constexpr std::uint64_t closed = 1;
  static constexpr std::uint64_t user = 256;

  bool leave_unless(std::uint64_t refused, std::uint64_t cleared) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & refused) == 0) {
      if (swap(now, (now & ~cleared) - user)) return true;
    }
    return false;
  }

  bool swap(std::uint64_t& now, std::uint64_t next) noexcept {
    // acq_rel: the turn carries what its last holder left behind; relaxed on failure, the loop
    // looks again.
    return word_.compare_exchange_weak(now, next, std::memory_order_acq_rel,
                                       std::memory_order_relaxed);
  }

  typename Atomics::template atomic<std::uint64_t> word_{0};
};

using handle_word = basic_handle_word<rt::real_atomics>;

}  // namespace sluice::net
