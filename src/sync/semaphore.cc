// semaphore.cc: a word with the permits, and a queue of those who wait for one.
//
//   word        means                       changed by
//   2n          n permits, nobody waits     takers and givers, by CAS
//   1           none, and somebody waits    under the guard only
//
// Acquire:  1 there is a permit: take it by CAS   2 else as in guarded_wait.h; entering the queue
//           sets the lowest bit in the step that finds no permit [A]
// Release:  1 nobody waits: add them by CAS [B]   2 else under the guard: claim as many waiters as
//           there are permits; what is left over is added, once the queue is empty
// [A] and [B] change one word: either the taker sees the permits or the giver sees the bit. A
// permit that a waiter was claimed for never enters the word, so nobody takes it away from him, and
// while somebody waits there is none for those who come by: that is the fairness.
//
// A waiter that gives up loses its claim to nobody: wake_one goes on to the next.
#include "sluice/sync/semaphore.h"

#include <new>
#include <stdexcept>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/wake_batch.h"
#include "sync/guarded_wait.h"

namespace sluice::detail {
namespace {

constexpr std::uint64_t waiting = 1;
constexpr std::uint64_t permit = 2;

constexpr const char* too_many = "a semaphore was given more than max() permits";

}  // namespace

void refuse_permits() {
  throw std::invalid_argument("sluice: a semaphore starts with between 0 and max() permits");
}

struct semaphore::internals {
  rt::spin_lock guard;
  rt::wait_list queue;  // GUARDED_BY(guard)
};

struct semaphore::asked {
  deadline until{};
  bool stoppable = false;
};

semaphore::internals& semaphore::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

semaphore::~semaphore() {
#ifndef NDEBUG
  internals& here = inside();
  const std::lock_guard held(here.guard);
  if (!here.queue.empty()) misuse("a semaphore was destroyed while somebody waits for it");
#endif
}

// Acquire, 1.
bool semaphore::take_one() noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  while (now >= permit) {
    // acquire: pairs with the giver's release.
    if (word_.compare_exchange_weak(now, now - permit, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool semaphore::try_acquire() noexcept {
  if (!take_one()) return false;
  rt::race_acquire(this);
  return true;
}

// Under the guard. False: none, which the word says now.
bool semaphore::take_or_announce() noexcept {
  for (;;) {
    if (take_one()) return true;
    std::uint64_t none = 0;
    // relaxed: the guard orders the queue. [A]
    if (word_.compare_exchange_strong(none, waiting, std::memory_order_relaxed) ||
        none == waiting) {
      return false;
    }
  }
}

// Under the guard, after a waiter has left the queue by itself or with its permit.
void semaphore::note_departure() noexcept {
  // relaxed: as above. With the bit set nobody else changes the word.
  if (inside().queue.empty() && word_.load(std::memory_order_relaxed) == waiting) {
    word_.store(0, std::memory_order_relaxed);
  }
}

// Returns  the rt::wake_reason.
int semaphore::acquire_as(const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::permit,
                                 .on = this,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why = rt::wait_guarded(
      {here.guard, here.queue}, request, [&] { return take_or_announce(); },
      [&] { note_departure(); });
  if (why == rt::served) rt::race_acquire(this);
  return static_cast<int>(why);
}

void semaphore::acquire() noexcept {
  if (!try_acquire()) (void)acquire_as({});
}

bool semaphore::try_acquire_until(deadline until) noexcept {
  return try_acquire() || acquire_as({.until = until}) == static_cast<int>(rt::served);
}

result<void> semaphore::acquire_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  if (try_acquire()) return {};
  return rt::stop_result(static_cast<rt::wake_reason>(acquire_as({.stoppable = true})));
}

void semaphore::release(std::ptrdiff_t update, std::ptrdiff_t most) noexcept {
  if (update < 0) misuse("a semaphore was given a negative number of permits");
  if (update == 0) return;
  rt::race_release(this);
  const auto permits = static_cast<std::uint64_t>(update);
  const auto limit = static_cast<std::uint64_t>(most);
  while (!put_where_nobody_waits(permits, limit) && !hand_over(permits, limit)) {
  }
}

// Release, 1. False: somebody waits.
bool semaphore::put_where_nobody_waits(std::uint64_t permits, std::uint64_t most) noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  while (now != waiting) {
    if (permits > most - now / permit) misuse(too_many);
    // release: pairs with the taker's acquire. [B]
    if (word_.compare_exchange_weak(now, now + permits * permit, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Release, 2. False: nobody waits any more.
bool semaphore::hand_over(std::uint64_t permits, std::uint64_t most) noexcept {
  internals& here = inside();
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  if (word_.load(std::memory_order_relaxed) != waiting) return false;
  while (permits > 0) {
    const rt::wait_list::wake_outcome outcome = here.queue.wake_one(rt::served);
    if (!outcome.found) break;
    --permits;
    if (outcome.to_ready == nullptr) continue;
    if (batch.is_full()) batch.finish();
    batch.add(*outcome.to_ready);
  }
  if (permits > most) misuse(too_many);
  // release: pairs with the taker's acquire.
  if (here.queue.empty()) word_.store(permits * permit, std::memory_order_release);
  return true;
}

}  // namespace sluice::detail
