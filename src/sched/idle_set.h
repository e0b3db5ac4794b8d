// idle_set.h: which processors sleep, and how work that appears wakes exactly enough of them.
//
// Sleeper:  0 take the shard's lock and hold it to 4   1 publish: clear `pending`, set the idle
//           bit, leave the count of spinners, fence [A]   2 look again at every queue, the own
//           earliest timer and stop [B]: if there is work, do 4 and look again   3 poller.wait
//           4 retract: take the bit back; if somebody has claimed it, that is the wake-up, and this
//           worker is already counted as a spinner
// Waker:    1 publish the work [C]   2 seq_cst fence [D]   3 if an idle bit is set and nobody
//           spins, claim one by compare-and-swap and count it as a spinner   4 signal: poller.wake
//           unless `pending` was set already [E]
// Spinner:  one that finds work leaves the count; if it was the last, it does the waker's steps 2
//           to 4: a chain, never a broadcast. One that finds none becomes a sleeper (step 1).
//
// [A] before [B] and [C] before [D]: either the sleeper sees the work or the waker sees the bit.
// A waker that sees a spinner instead relies on it: the spinner leaves the count in step 1, before
// it looks again in step 2, so it sees the work too.
//
// signal() alone, without a claim, makes one particular processor look again (an earlier timer, a
// poll wanted by the monitor): its sleeper wakes, retracts its own bit and is no spinner.
//
// The last spinner's duty is what a single "somebody is looking" flag lacks: two pieces of work may
// be published while one spinner is counted, and it can take only one of them.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/atomics.h"

namespace sluice::rt {

template <class Atomics>
class basic_idle_set {
 public:
  explicit basic_idle_set(std::uint32_t processors)
      : processors_(processors),
        words_(new word[(processors + 63) / 64]),
        pending_(new flag[processors]) {}

  // Sleeper, step 1. `spinning`: the caller is counted as a spinner and stops being one. [A]
  void publish(std::uint32_t processor, bool spinning) noexcept {
    // acq_rel: a signal that this one swallows had its reason published first; see it in step 2.
    pending_[processor].value.exchange(false, std::memory_order_acq_rel);
    words_[processor / 64].value.fetch_or(bit(processor), std::memory_order_seq_cst);
    if (spinning) spinners_.fetch_sub(1, std::memory_order_seq_cst);
    // Pairs with the waker's fence [D]. The two seq_cst operations above do not suffice: step 2's
    // loads are mere acquires, which nothing else keeps behind them (the model finds it; on AArch64
    // a load may overtake the store half of a read-modify-write).
    Atomics::fence();
  }

  // Sleeper, step 4. True: nobody had claimed the bit. False: the caller was claimed, and is
  // counted as a spinner.
  [[nodiscard]] bool retract(std::uint32_t processor) noexcept {
    // acquire: pairs with claim's release; a claimed sleeper sees the work it was claimed for.
    const std::uint64_t before =
        words_[processor / 64].value.fetch_and(~bit(processor), std::memory_order_acq_rel);
    return (before & bit(processor)) != 0;
  }

  // Waker, steps 2 and 3. The caller signals the returned processor. [D]
  [[nodiscard]] std::optional<std::uint32_t> claim_one() noexcept {
    for (;;) {
      Atomics::fence();
      // relaxed: ordered by the fence.
      if (spinners_.load(std::memory_order_relaxed) != 0 || idle_count() == 0) return std::nullopt;
      // One spinner at a time, so that two wakers do not wake two for one piece of work. seq_cst:
      // pairs with publish, whose leaving the count comes before its second look.
      std::uint32_t none = 0;
      if (!spinners_.compare_exchange_strong(none, 1, std::memory_order_seq_cst)) {
        return std::nullopt;
      }
      for (std::uint32_t index = 0; index < (processors_ + 63) / 64; ++index) {
        if (auto claimed = claim_bit(index)) return claimed;
      }
      // All have woken by themselves meanwhile. Another waker may have relied on this count, so
      // the last one out looks again.
      if (!leave_spinning()) return std::nullopt;
    }
  }

  // Waker, step 4. True: the caller calls poller.wake(). [E]
  [[nodiscard]] bool signal(std::uint32_t processor) noexcept {
    // acq_rel: pairs with publish's clear.
    return !pending_[processor].value.exchange(true, std::memory_order_acq_rel);
  }

  // A worker that starts to look for work elsewhere; false: enough are looking already.
  [[nodiscard]] bool start_spinning(std::uint32_t busy) noexcept {
    // relaxed: a bound on wasted effort, not on correctness.
    if (2 * spinners_.load(std::memory_order_relaxed) >= busy) return false;
    spinners_.fetch_add(1, std::memory_order_seq_cst);
    return true;
  }

  // A worker that must look: its second look in step 2 found work elsewhere.
  void join_spinning() noexcept { spinners_.fetch_add(1, std::memory_order_seq_cst); }

  // A spinner that found work. True: it was the last, and must claim_one. seq_cst: pairs with [D].
  [[nodiscard]] bool leave_spinning() noexcept {
    return spinners_.fetch_sub(1, std::memory_order_seq_cst) == 1;
  }

  // Racy: for the monitor, for dumps, and for "is it worth asking".
  [[nodiscard]] std::uint32_t idle_count() const noexcept {
    std::uint32_t count = 0;
    for (std::uint32_t index = 0; index < (processors_ + 63) / 64; ++index) {
      count += static_cast<std::uint32_t>(
          std::popcount(words_[index].value.load(std::memory_order_relaxed)));
    }
    return count;
  }
  [[nodiscard]] std::uint32_t spinners() const noexcept {
    return spinners_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_idle(std::uint32_t processor) const noexcept {
    return (words_[processor / 64].value.load(std::memory_order_relaxed) & bit(processor)) != 0;
  }

 private:
  struct alignas(64) word {
    typename Atomics::template atomic<std::uint64_t> value{0};
  };
  struct alignas(64) flag {
    typename Atomics::template atomic<bool> value{false};
  };

  static constexpr std::uint64_t bit(std::uint32_t processor) noexcept {
    return std::uint64_t{1} << (processor % 64);
  }

  std::optional<std::uint32_t> claim_bit(std::uint32_t index) noexcept {
    // relaxed: the compare-and-swap checks again.
    std::uint64_t idle = words_[index].value.load(std::memory_order_relaxed);
    while (idle != 0) {
      const auto lowest = static_cast<std::uint32_t>(std::countr_zero(idle));
      // seq_cst: release for the work published before, and part of the one order of [A] and [D].
      if (words_[index].value.compare_exchange_weak(idle, idle & ~(std::uint64_t{1} << lowest),
                                                    std::memory_order_seq_cst)) {
        return index * 64 + lowest;
      }
    }
    return std::nullopt;
  }

  const std::uint32_t processors_;
  const std::unique_ptr<word[]> words_;
  const std::unique_ptr<flag[]> pending_;
  alignas(64) typename Atomics::template atomic<std::uint32_t> spinners_{0};
};

using idle_set = basic_idle_set<real_atomics>;

}  // namespace sluice::rt
