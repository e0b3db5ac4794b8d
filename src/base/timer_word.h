// timer_word.h: when a timer is due, and whether it stands in a heap, in one word, so that moving
// it later or stopping it is one compare-and-swap and touches no heap.
//
//   state      means                              left by (operation -> next state)
//   unlinked   in no heap                         arm, under the heap's lock -> linked
//   linked     in a heap, under a key <= time     move later, by CAS -> linked; stop, by CAS ->
//                                                 stopped; expire, under the lock -> unlinked
//   stopped    in a heap, but not to fire         move later, by CAS -> linked; expire or unlink,
//                                                 under the lock -> unlinked
//
// The heap's key may lag behind the time: expiry finds the key due, reads the word, and either puts
// the timer back under its real time or unlinks it by a compare-and-swap on the word that it read.
// A mover whose swap comes first makes that one fail, and expiry looks again; a mover that comes
// second finds the timer unlinked and inserts under the lock. Moving earlier, and the end of the
// timer's owner, take the lock.
//
// [A] move's compare-and-swap pairs with [B] expire's: exactly one of them comes first.
#pragma once

#include <cstdint>

#include "base/atomics.h"

namespace sluice::rt {

enum class expiry : std::uint8_t {
  due,      // unlinked, and to be fired
  later,    // not due yet: put it back under time()
  stopped,  // unlinked, and not to be fired
};

template <class Atomics>
class basic_timer_word {
 public:
  // Units: nanoseconds on the monotonic clock, 0 <= time < 2^62 (146 years).
  static constexpr std::int64_t time_limit = std::int64_t{1} << 62;

  // Any one owner at a time, without the lock: true: linked, and now due at `time`. False: the
  // timer is unlinked, or due later than `time`: take the lock. [A]
  [[nodiscard]] bool move_later(std::int64_t time) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & linked) != 0 && time_of(now) <= time) {
      // release: what the owner wrote for this time is seen by whoever expires it; pairs with [B].
      if (word_.compare_exchange_weak(now, make(time, linked), std::memory_order_release,
                                      std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Owner, without the lock: it will not fire, unless its expiry has begun already.
  void stop() noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    while ((now & (linked | stopped)) == linked) {
      // relaxed: carries no data.
      if (word_.compare_exchange_weak(now, now | stopped, std::memory_order_relaxed)) return;
    }
  }

  // Under the heap's lock: the key is due; decides what becomes of the timer. [B]
  [[nodiscard]] expiry expire(std::int64_t current) noexcept {
    std::uint64_t now = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((now & stopped) == 0 && time_of(now) > current) return expiry::later;
      // acquire: takes what the owner wrote before [A]. release: whoever finds the timer unlinked
      // may link it into another heap, under another lock, and this heap's last look at it must be
      // over by then; pairs with is_linked.
      if (word_.compare_exchange_weak(now, now & ~(linked | stopped), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return (now & stopped) != 0 ? expiry::stopped : expiry::due;
      }
    }
  }

  // Under the heap's lock: stands in the heap from now on.
  void link(std::int64_t time) noexcept {
    // release: as in move_later.
    word_.store(make(time, linked), std::memory_order_release);
  }

  // Under the heap's lock: stands in no heap.
  void unlink() noexcept {
    // relaxed: the lock orders it.
    word_.store(0, std::memory_order_relaxed);
  }

  [[nodiscard]] bool is_linked() const noexcept {
    // acquire: an owner that sees `unlinked` sees its expiry finished as far as the lock tells.
    return (word_.load(std::memory_order_acquire) & linked) != 0;
  }
  [[nodiscard]] std::int64_t time() const noexcept {
    return time_of(word_.load(std::memory_order_relaxed));
  }

 private:
  static constexpr std::uint64_t linked = 1;
  static constexpr std::uint64_t stopped = 2;
  static constexpr int time_shift = 2;

  static constexpr std::uint64_t make(std::int64_t time, std::uint64_t flags) noexcept {
    return (static_cast<std::uint64_t>(time) << time_shift) | flags;
  }
  static constexpr std::int64_t time_of(std::uint64_t word) noexcept {
    return static_cast<std::int64_t>(word >> time_shift);
  }

  typename Atomics::template atomic<std::uint64_t> word_{0};
};

using timer_word = basic_timer_word<real_atomics>;

}  // namespace sluice::rt
