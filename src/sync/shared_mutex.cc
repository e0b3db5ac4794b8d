// shared_mutex.cc: one word that says who has it, and two queues of those who wait.
//
//   bit       means                              set by                  cleared by
//   writer    a writer has it                    writer, by CAS          unlock, unless it hands it
//                                                                        to a writer
//   waiting   one of the queues is not empty     waiter [G]              whoever empties them [G]
//   readers   how many have it (from bit 2 on)   reader, by CAS, while   their unlock
//                                                nobody waits
// [G]: under the guard. Somebody has it as long as `waiting` is set, and whoever gives it up then
// hands it over under the guard: to all readers who wait, if a writer leaves; else to the first
// writer; else to the other kind. While `waiting` is set only readers that leave, others behind
// them, change the word without the guard.
//
// Waiter:  as in guarded_wait.h; entering a queue sets `waiting` in the step that finds it taken.
// A writer that gives up may have been the only one that readers wait behind, so it lets them in if
// readers have the mutex.
//
// Rejected: readers past waiting writers (starves writers); first come, first served with one queue
// (a reader between two writers costs a switch for each, where all readers can go together).
#include "sluice/sync/shared_mutex.h"

#include <new>
#include <type_traits>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "sched/awaited.h"
#include "sched/wake_batch.h"
#include "sync/guarded_wait.h"

namespace sluice {
namespace {

constexpr std::uint64_t writer = 1;
constexpr std::uint64_t waiting = 2;
constexpr std::uint64_t reader = 4;

}  // namespace

struct shared_mutex::internals {
  rt::lock_owner owner;  // the writer
  rt::spin_lock guard;
  // Both GUARDED_BY(guard).
  rt::wait_list readers;
  rt::wait_list writers;

  [[nodiscard]] std::uint64_t waiting_bit() const noexcept {
    return readers.empty() && writers.empty() ? 0 : waiting;
  }
  // Under the guard. Claims everybody who waits to read; returns the word's readers.
  std::uint64_t admit_readers(rt::wake_batch& batch) noexcept;
  std::uint64_t admit_writer(rt::wake_batch& batch) noexcept;
};

struct shared_mutex::asked {
  deadline until{};
  bool stoppable = false;
};

shared_mutex::internals& shared_mutex::inside() noexcept {
  static_assert(sizeof(internals) == sizeof(memory_) && alignof(internals) <= 8);
  static_assert(std::is_trivially_destructible_v<internals>);
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

shared_mutex::~shared_mutex() {
#ifndef NDEBUG
  // relaxed: nobody else may be near it.
  const std::uint64_t now = word_.load(std::memory_order_relaxed);
  if ((now & waiting) != 0) misuse("a shared_mutex was destroyed while somebody waits for it");
  if (now != 0) misuse("a shared_mutex was destroyed while somebody holds it");
#endif
}

// --- taking it -----------------------------------------------------------------------------------

bool shared_mutex::take_alone() noexcept {
  std::uint64_t free = 0;
  // acquire: pairs with the release of who had it.
  return word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

bool shared_mutex::take_shared() noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  while ((now & (writer | waiting)) == 0) {
    // acquire: pairs with the writer's release.
    if (word_.compare_exchange_weak(now, now + reader, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Under the guard. False: somebody has it, and the word says that somebody waits.
bool shared_mutex::take_alone_or_announce() noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t next = now == 0 ? writer : now | waiting;
    // acquire: as in take_alone.
    if (word_.compare_exchange_weak(now, next, std::memory_order_acquire,
                                    std::memory_order_relaxed)) {
      return now == 0;
    }
  }
}

bool shared_mutex::take_shared_or_announce() noexcept {
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool open = (now & (writer | waiting)) == 0;
    // acquire: as in take_shared.
    if (word_.compare_exchange_weak(now, open ? now + reader : now | waiting,
                                    std::memory_order_acquire, std::memory_order_relaxed)) {
      return open;
    }
  }
}

// Under the guard, after a waiter has given up.
void shared_mutex::note_departure() noexcept {
  internals& here = inside();
  rt::wake_batch batch;
  std::uint64_t admitted = 0;
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  if (here.writers.empty() && (now & writer) == 0) admitted = here.admit_readers(batch);
  // relaxed: who was let in passes through the guard. Readers may leave meanwhile.
  while (!word_.compare_exchange_weak(now, ((now & ~waiting) | here.waiting_bit()) + admitted,
                                      std::memory_order_relaxed)) {
  }
}

// Returns  the rt::wake_reason.
int shared_mutex::lock_as(const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::write_lock,
                                 .on = &here,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why = rt::wait_guarded(
      {here.guard, here.writers}, request, [&] { return take_alone_or_announce(); },
      [&] { note_departure(); });
  if (why == rt::served) note_owner();
  return static_cast<int>(why);
}

int shared_mutex::lock_shared_as(const asked& how) noexcept {
  internals& here = inside();
  const rt::park_request request{.kind = rt::wait_kind::read_lock,
                                 .on = &here,
                                 .until = rt::park_time(how.until),
                                 .stoppable = how.stoppable};
  const rt::wake_reason why = rt::wait_guarded(
      {here.guard, here.readers}, request, [&] { return take_shared_or_announce(); },
      [&] { note_departure(); });
  if (why == rt::served) rt::race_acquire(this);
  return static_cast<int>(why);
}

void shared_mutex::note_owner() noexcept {
  rt::race_acquire(this);
  inside().owner.note_taken();
}

bool shared_mutex::try_lock() noexcept {
  if (!take_alone()) return false;
  note_owner();
  return true;
}

void shared_mutex::lock() noexcept {
  if (!try_lock()) (void)lock_as({});
}

bool shared_mutex::try_lock_until(deadline until) noexcept {
  return try_lock() || lock_as({.until = until}) == static_cast<int>(rt::served);
}

result<void> shared_mutex::lock_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  if (try_lock()) return {};
  return rt::stop_result(static_cast<rt::wake_reason>(lock_as({.stoppable = true})));
}

bool shared_mutex::try_lock_shared() noexcept {
  if (!take_shared()) return false;
  rt::race_acquire(this);
  return true;
}

void shared_mutex::lock_shared() noexcept {
  if (!try_lock_shared()) (void)lock_shared_as({});
}

bool shared_mutex::try_lock_shared_until(deadline until) noexcept {
  return try_lock_shared() || lock_shared_as({.until = until}) == static_cast<int>(rt::served);
}

result<void> shared_mutex::lock_shared_or_stop() noexcept {
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  if (try_lock_shared()) return {};
  return rt::stop_result(static_cast<rt::wake_reason>(lock_shared_as({.stoppable = true})));
}

// --- giving it up --------------------------------------------------------------------------------

std::uint64_t shared_mutex::internals::admit_readers(rt::wake_batch& batch) noexcept {
  std::uint64_t admitted = 0;
  for (;;) {
    const rt::wait_list::wake_outcome outcome = readers.wake_one(rt::served);
    if (!outcome.found) return admitted;
    admitted += reader;
    if (outcome.to_ready == nullptr) continue;
    if (batch.is_full()) batch.finish();
    batch.add(*outcome.to_ready);
  }
}

std::uint64_t shared_mutex::internals::admit_writer(rt::wake_batch& batch) noexcept {
  const rt::wait_list::wake_outcome outcome = writers.wake_one(rt::served);
  if (outcome.to_ready != nullptr) batch.add(*outcome.to_ready);
  return outcome.found ? writer : 0;
}

void shared_mutex::unlock() noexcept {
  rt::race_release(this);
  internals& here = inside();
#ifndef NDEBUG
  if ((word_.load(std::memory_order_relaxed) & writer) != 0 && !here.owner.is_caller()) {
    misuse("a shared_mutex was unlocked by somebody who has not locked it");
  }
#endif
  here.owner.note_left();
  std::uint64_t now = writer;
  // release: pairs with the next taker's acquire.
  if (word_.compare_exchange_strong(now, 0, std::memory_order_release, std::memory_order_relaxed)) {
    return;
  }
  if ((now & writer) == 0) misuse("a shared_mutex was unlocked that no writer holds");
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  std::uint64_t next = here.admit_readers(batch);
  if (next == 0) next = here.admit_writer(batch);
  // release: as above. A writer has it, so under the guard nobody else changes the word.
  word_.store(next | here.waiting_bit(), std::memory_order_release);
}

void shared_mutex::unlock_shared() noexcept {
  rt::race_release(this);
  std::uint64_t now = word_.load(std::memory_order_relaxed);
  for (;;) {
    if (now < reader) misuse("a shared_mutex was unlocked that no reader holds");
    if ((now & waiting) != 0 && now < 2 * reader) {
      if (leave_to_waiters()) return;
      now = word_.load(std::memory_order_relaxed);
      continue;
    }
    // release: pairs with the writer's acquire.
    if (word_.compare_exchange_weak(now, now - reader, std::memory_order_release,
                                    std::memory_order_relaxed)) {
      return;
    }
  }
}

// The last reader hands it over. False: it is not the last one, or nobody waits any more.
bool shared_mutex::leave_to_waiters() noexcept {
  internals& here = inside();
  rt::wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(here.guard);
  // acquire: takes over from the readers that left before; pairs with their release.
  const std::uint64_t now = word_.load(std::memory_order_acquire);
  if ((now & waiting) == 0 || now >= 2 * reader) return false;
  std::uint64_t next = here.admit_writer(batch);
  if (next == 0) next = here.admit_readers(batch);
  // release: pairs with the next taker's acquire. See `waiting` for why a store will do.
  word_.store(next | here.waiting_bit(), std::memory_order_release);
  return true;
}

}  // namespace sluice
