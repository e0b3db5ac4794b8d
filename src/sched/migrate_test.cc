// migrate_test.cc: in the migrate build every park resumes on another thread, which is what finds
// an address of a thread_local that was kept across a park.
#ifdef SLUICE_MIGRATE

#include <gtest/gtest.h>

#include "os/clock.h"
#include "sched/park.h"
#include "sluice/fiber.h"
#include "sluice/run.h"

namespace sluice {
namespace {

thread_local int thread_number = 0;

// The planted fault: the address is taken once, before the park.
[[gnu::noinline]] int* address_here() {
  asm volatile("" ::: "memory");
  return &thread_number;
}

// sleep_for would not park at all if its time has passed before it looks.
void park_once() {
  rt::parker& self = rt::this_parker();
  rt::park_begin(self, {.kind = rt::wait_kind::sleep, .until = os::monotonic_now()});
  (void)rt::park(self);
}

TEST(Migrate, EveryParkAndYieldResumesOnAnotherThread) {
  run(
      [] {
        for (int i = 0; i < 100; ++i) {
          // Not std::this_thread::get_id(): pthread_self is a const function, and the compiler
          // merges two calls around a park.
          int* const before = address_here();
          i % 2 == 0 ? park_once() : yield();
          EXPECT_NE(before, address_here());
        }
      },
      {.processors = 4});
}

TEST(Migrate, ACachedThreadLocalIsCaught) {
  run(
      [] {
        int* const cached = address_here();
        yield();
        EXPECT_NE(cached, address_here()) << "the build that must find this fault does not";
      },
      {.processors = 4});
}

}  // namespace
}  // namespace sluice

#endif
