// static_guard.cc: the three functions that the compiler calls around the initialiser of a
// function-local static. The C++ runtime's own know threads only: when an initialiser parks and a
// second fiber of the same thread comes by, that thread sleeps for ever (libstdc++) or the program
// ends (libc++). Here a fiber parks and a thread sleeps on a futex.
//
// The guard object is the Itanium C++ ABI's: 64 bits, of which the compiler reads the first byte
// (acquire) and passes by if it is 1. The rest is ours: {flags:32, owner:32}.
//
//   flags              means                          left by (operation -> next state)
//   0                  not initialised, nobody at it  acquire -> pending [A]
//   pending            its owner runs the             release -> done [B]; abort -> 0 [B];
//                      initialiser                    a second one waits -> pending+waiting [C]
//   pending+waiting    and somebody waits             release -> done [B]; abort -> 0 [B]; both
//                                                     wake all who wait for any static
//   done               initialised                    nobody
//
// [B] is a release and pairs with [A], and with the acquire of whoever finds `done`. [B] and [C]
// change one word: either the waiter sees the change or the owner sees the waiter.
//
// `owner` is who runs the initialiser, so that a static that needs itself is reported and not
// waited for. Written by the owner only, after [A], and cleared before [B]; so whoever reads its
// own number there has written it.
//
// All waiting fibers stand in one list: it is short, since a static is initialised once, and its
// guard cannot hold a list of its own. A wake-up for another static is spurious.
//
// Works before main and without a runtime, allocates nothing, and contains no function-local static
// itself, nor does what it calls.
#include "sched/static_guard.h"

#include <atomic>
#include <bit>
#include <climits>
#include <cstdint>
#include <mutex>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "os/futex.h"
#include "os/thread_number.h"
#include "os/weak.h"
#include "sched/park.h"
#include "sched/spin_lock.h"
#include "sched/wait_list.h"
#include "sched/wake_batch.h"

namespace sluice::rt {
namespace {

constexpr std::uint32_t done = 1;  // the byte that the compiler reads
constexpr std::uint32_t pending = 0x100;
constexpr std::uint32_t waiting = 0x10000;
static_assert(std::endian::native == std::endian::little, "`done` must be the first byte");

// Constant-initialised and never destroyed: there are statics before main and after exit.
constinit spin_lock waiters_guard;
constinit wait_list waiters;  // GUARDED_BY(waiters_guard)

struct static_guard {
  std::atomic<std::uint32_t> flags;
  std::atomic<std::uint32_t> owner;

  bool acquire() noexcept;
  void leave(std::uint32_t next) noexcept;

 private:
  bool mark_waiting() noexcept;
  void wait_on_thread() noexcept;
  void park_fiber(parker& self) noexcept;
};
static_assert(sizeof(static_guard) == sizeof(std::uint64_t));

// Odd for a fiber, even for a thread, never 0.
std::uint32_t own_number(const control_block* fiber) noexcept {
  return fiber != nullptr ? fiber->index * 2 + 1 : os::thread_number() * 2;
}

// True: the caller runs the initialiser, and then calls leave().
bool static_guard::acquire() noexcept {
  control_block* const fiber = this_fiber_or_null();
  const std::uint32_t self = own_number(fiber);
  for (;;) {
    std::uint32_t now = 0;
    // acquire: sees what an initialiser that failed has left, or the static itself. [A]
    if (flags.compare_exchange_strong(now, pending, std::memory_order_acquire,
                                      std::memory_order_acquire)) {
      // relaxed: only this fiber or thread finds its own number here.
      owner.store(self, std::memory_order_relaxed);
      return true;
    }
    if ((now & done) != 0) return false;
    // relaxed: as above.
    if (owner.load(std::memory_order_relaxed) == self) {
      misuse(
          "the initialiser of a function-local static needs that static: it would wait for "
          "itself");
    }
    if (fiber != nullptr) {
      park_fiber(*fiber);
    } else {
      wait_on_thread();
    }
  }
}

// False: nobody is at it any more. [C]
bool static_guard::mark_waiting() noexcept {
  std::uint32_t now = pending;
  // relaxed: the waiter looks at the flags again, with acquire.
  return flags.compare_exchange_strong(now, pending | waiting, std::memory_order_relaxed) ||
         now == (pending | waiting);
}

void static_guard::wait_on_thread() noexcept {
  if (mark_waiting()) os::futex_wait(flags, pending | waiting);
}

void static_guard::park_fiber(parker& self) noexcept {
  park_begin(self, {.kind = wait_kind::initializer, .on = this, .stoppable = false});
  wait_node node(self);
  bool must_wait = false;
  {
    const std::lock_guard held(waiters_guard);
    must_wait = mark_waiting();
    if (must_wait) waiters.push_back(node);
  }
  // Not in the list, and not to be stopped: nobody can have claimed it.
  if (!must_wait && park_withdraw(self)) return;
  (void)park(self);
}

// The owner: the initialiser has ended, one way or the other. [B]
void static_guard::leave(std::uint32_t next) noexcept {
  // relaxed: the exchange publishes it.
  owner.store(0, std::memory_order_relaxed);
  // release: pairs with [A] and with the compiler's load of the first byte.
  if ((flags.exchange(next, std::memory_order_release) & waiting) == 0) return;
  // A guard may lie in a library that is unloaded by now: its address, nothing else.
  os::futex_wake(&flags, INT_MAX);
  wake_batch batch;  // made runnable after the guard is left
  const std::lock_guard held(waiters_guard);
  batch.wake_all(waiters, wake_reason::partner);
}

static_guard& guard_of(std::uint64_t* object) noexcept {
  return *reinterpret_cast<static_guard*>(object);
}

}  // namespace

void static_guard_anchor() noexcept {}

}  // namespace sluice::rt

// The three are named here, since the C++ libraries declare them with types of their own.
#define SLUICE_QUOTED(text) #text
#define SLUICE_TEXT(text) SLUICE_QUOTED(text)
// NOLINTNEXTLINE(bugprone-macro-parentheses): a string beside a string.
#define SLUICE_NAMED(symbol) asm(SLUICE_TEXT(__USER_LABEL_PREFIX__) symbol)

// Weak: ThreadSanitizer's runtime defines all three itself, and then its own are in force, which
// know threads only. Everywhere else ours stand before the C++ library's.
//
// Returns  1 if the caller must run the initialiser and then call one of the other two.
extern "C" {
SLUICE_WEAK int sluice_guard_acquire(std::uint64_t*) noexcept SLUICE_NAMED("__cxa_guard_acquire");
SLUICE_WEAK void sluice_guard_release(std::uint64_t*) noexcept SLUICE_NAMED("__cxa_guard_release");
SLUICE_WEAK void sluice_guard_abort(std::uint64_t*) noexcept SLUICE_NAMED("__cxa_guard_abort");
}

int sluice_guard_acquire(std::uint64_t* object) noexcept {
  const bool first = sluice::rt::guard_of(object).acquire();
  sluice::rt::race_acquire(object);
  return first ? 1 : 0;
}

void sluice_guard_release(std::uint64_t* object) noexcept {
  sluice::rt::race_release(object);
  sluice::rt::guard_of(object).leave(sluice::rt::done);
}

void sluice_guard_abort(std::uint64_t* object) noexcept {
  sluice::rt::race_release(object);
  sluice::rt::guard_of(object).leave(0);
}
