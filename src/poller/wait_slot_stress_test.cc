// A slot and park words as the runtime uses them, with threads in the fibers' place: readers that
// take turns, notifiers, a stopper and deadlines. Counts only: each unit that a notifier has
// published is consumed, each stop is answered, and nobody sleeps through either. A lost wake-up
// shows as a sleeper that its own patience wakes.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "poller/wait_slot.h"
#include "sched/park_word.h"
#include "testing/scale.h"
#include "testing/semaphore.h"

namespace sluice::rt {
namespace {

constexpr auto patience = std::chrono::seconds(30);

// What the scheduler is for a fiber: `ready` makes it run again, exactly once a park.
struct test_fiber {
  park_word word;
  semaphore runnable;
  std::atomic<std::uint64_t> readied{0};
  std::uint64_t parked = 0;  // its own
};

class slot_stress {
 public:
  static constexpr std::uint32_t fibers = 2;

  // Returns how much was published with it.
  std::int64_t notify_once() {
    // seq_cst, before the generation is looked at: see reopen.
    const std::int64_t published = published_.fetch_add(1) + 1;
    wake(slot_.notify(generation_.load()), wake_reason::ready);
    return published;
  }
  void stop_once() {
    stop_.store(true);  // seq_cst: the stopper's step 1
    wake(slot_.cancel(generation_.load()), wake_reason::stop);
  }
  // A deadline knows the fiber, not the slot: it leaves the fiber standing there.
  void expire_once(std::uint32_t fiber) {
    std::uint32_t epoch = 0;
    if (fibers_[fiber].word.waiting_epoch(epoch)) {
      wake(park_ref{fiber, epoch}, wake_reason::deadline);
    }
  }
  // The reader's turn ends when it has consumed something. False: everything is consumed, or lost.
  bool read_once(std::uint32_t fiber, std::int64_t total) {
    const std::lock_guard turn(readers_turn_);
    while (!lost_.load() && consumed_.load() < total) {
      slot_.take_token(generation_.load());
      if (stop_.exchange(false)) stops_answered_.fetch_add(1);
      if (const std::int64_t got = published_.load() - consumed_.load(); got > 0) {
        consumed_.fetch_add(got);
        if (++turns_ % 64 == 0) reopen();
        return true;
      }
      wait(fiber);
    }
    return false;
  }

  [[nodiscard]] bool lost() const { return lost_.load(); }
  [[nodiscard]] bool stop_pending() const { return stop_.load(); }
  [[nodiscard]] std::int64_t consumed() const { return consumed_.load(); }
  [[nodiscard]] std::uint64_t stops_answered() const { return stops_answered_.load(); }
  [[nodiscard]] std::uint32_t generation() const { return generation_.load(); }
  [[nodiscard]] test_fiber& fiber(std::uint32_t index) { return fibers_[index]; }

 private:
  // The recipe of wait_slot.h, and park_word.h's around it.
  void wait(std::uint32_t fiber) {
    test_fiber& self = fibers_[fiber];
    const std::uint32_t generation = generation_.load();
    self.word.begin(true);
    const arm_result armed = slot_.arm(generation, {fiber, self.word.epoch()});
    if (armed != arm_result::armed || stop_.load()) {
      slot_.leave(generation, fiber);
      if (self.word.withdraw()) return;
    }
    ++self.parked;
    if (self.word.save()) ready(fiber);
    if (!self.runnable.try_acquire_for(patience)) lost_.store(true);
    self.word.finish();
    slot_.leave(generation, fiber);
  }

  // The descriptor's memory goes to its next use. A notifier that still has the old generation
  // loaded it before this store, so its unit was published before: the next look finds it.
  void reopen() {
    const std::uint32_t next = generation_.load() + 1;
    generation_.store(next);
    slot_.close(next);
    slot_.open(next);
  }

  void wake(const std::optional<park_ref>& target, wake_reason reason) {
    if (!target) return;
    park_word& word = fibers_[target->fiber].word;
    if (word.claim_and_release(target->epoch, reason) == claim_result::runnable) {
      ready(target->fiber);
    }
  }
  void ready(std::uint32_t fiber) {
    fibers_[fiber].readied.fetch_add(1);
    fibers_[fiber].runnable.release();
  }

  wait_slot slot_;
  std::array<test_fiber, fibers> fibers_;
  std::mutex readers_turn_;  // as io_handle's read lock
  std::atomic<std::int64_t> published_{0};
  std::atomic<std::int64_t> consumed_{0};
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> stops_answered_{0};
  std::atomic<bool> lost_{false};
  std::uint64_t turns_ = 0;  // GUARDED_BY(readers_turn_)
};

// One stop at a time: the next one only after the last one was answered.
std::uint64_t stop_until(slot_stress& stress, const std::atomic<bool>& done) {
  std::uint64_t stops = 0;
  while (!done.load() && !stress.lost()) {
    if (!stress.stop_pending()) {
      stress.stop_once();
      ++stops;
    }
    std::this_thread::yield();
  }
  return stops;
}

void expire_until(slot_stress& stress, const std::atomic<bool>& done) {
  for (std::uint32_t i = 0; !done.load(); ++i) {
    stress.expire_once(i % slot_stress::fibers);
    std::this_thread::yield();
  }
}

void run_stress(bool with_stops, bool with_deadlines) {
  constexpr int notifiers = 3;
  const std::int64_t each = scaled(20'000);
  const std::int64_t total = each * notifiers;
  slot_stress stress;
  std::atomic<bool> done{false};
  std::uint64_t stops = 0;
  std::vector<std::thread> others;
  if (with_stops) others.emplace_back([&] { stops = stop_until(stress, done); });
  if (with_deadlines) others.emplace_back([&] { expire_until(stress, done); });
  for (int i = 0; i < notifiers; ++i) {
    others.emplace_back([&] {
      for (std::int64_t n = 0; n < each && !stress.lost(); ++n) {
        const std::int64_t published = stress.notify_once();
        // The reader must have got this far before the next one, or it would never park.
        while (stress.consumed() < published && !stress.lost()) std::this_thread::yield();
      }
    });
  }
  std::vector<std::thread> readers;
  for (std::uint32_t fiber = 0; fiber < slot_stress::fibers; ++fiber) {
    readers.emplace_back([&stress, fiber, total] {
      while (stress.read_once(fiber, total)) {
      }
    });
  }
  for (std::thread& one : readers) one.join();
  done.store(true);
  for (std::thread& one : others) one.join();
  EXPECT_FALSE(stress.lost()) << "a reader slept through its wake-up";
  EXPECT_EQ(stress.consumed(), total);
  EXPECT_GE(stress.stops_answered() + 1, stops);  // the last one may have come after the end
  std::uint64_t parks = 0;
  for (std::uint32_t fiber = 0; fiber < slot_stress::fibers; ++fiber) {
    EXPECT_EQ(stress.fiber(fiber).readied.load(), stress.fiber(fiber).parked);
    parks += stress.fiber(fiber).parked;
  }
  EXPECT_GT(parks, 0u) << "nobody ever parked, so nothing was tested";
  std::printf("[    parks ] %llu parks, %llu stops, %u generations\n",
              static_cast<unsigned long long>(parks), static_cast<unsigned long long>(stops),
              stress.generation());
}

TEST(WaitSlotStressTest, EveryReportIsHeard) { run_stress(false, false); }

TEST(WaitSlotStressTest, EveryReportAndEveryStopIsHeard) { run_stress(true, false); }

TEST(WaitSlotStressTest, EveryReportIsHeardBesideStopsAndDeadlines) { run_stress(true, true); }

}  // namespace
}  // namespace sluice::rt
