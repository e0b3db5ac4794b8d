// overflow_windows_test.cc: every exception but an overflow on a fiber's stack goes where it would
// have gone.
#include <windows.h>
// After windows.h.
#include <gtest/gtest.h>

#include <cstdlib>

#include "fiber/overflow_test.h"

namespace sluice::rt {
namespace {

using ::testing::ExitedWithCode;

// Comes after ours, since that one was installed as the first.
LONG CALLBACK repair(EXCEPTION_POINTERS* what) {
  auto* const address = reinterpret_cast<void*>(what->ExceptionRecord->ExceptionInformation[1]);
  if (what->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) ::_exit(1);
  ::VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE);
  return EXCEPTION_CONTINUE_EXECUTION;
}

TEST(OverflowDeathTest, AnotherHandlerMayRepairAndGoOn) {
  EXPECT_EXIT(
      {
        ::AddVectoredExceptionHandler(0, &repair);
        auto* const page =
            static_cast<char*>(::VirtualAlloc(nullptr, 4096, MEM_RESERVE, PAGE_NOACCESS));
        on_a_small_fiber([page] {
          touch(page);
          touch(page);
        });
        ::_exit(page[0] == 1 ? 7 : 1);
      },
      ExitedWithCode(7), "");
}

TEST(OverflowDeathTest, AWildPointerIsNoOverflow) {
  EXPECT_EXIT(
      {
        ::AddVectoredExceptionHandler(0, [](EXCEPTION_POINTERS* what) -> LONG {
          ::_exit(what->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION ? 6 : 1);
        });
        stack_pool other({.control_size = 64});
        const stack_slot slot = other.take(default_stack_size).value();
        on_a_small_fiber([&] { touch(static_cast<char*>(slot.stack_bottom) - 1); });
      },
      ExitedWithCode(6), "");
}

TEST(OverflowDeathTest, AfterTheLastUninstallNothingIsSaid) {
  EXPECT_EXIT(
      {
        ::AddVectoredExceptionHandler(0, [](EXCEPTION_POINTERS* what) -> LONG {
          ::_exit(what->ExceptionRecord->ExceptionCode == EXCEPTION_STACK_OVERFLOW ? 8 : 1);
        });
        install_overflow_handler(describe);
        install_overflow_handler(describe);
        uninstall_overflow_handler();
        uninstall_overflow_handler();
        stack_pool pool({.control_size = 64});
        volatile int depth = 0;
        hand_fiber fiber(pool, [&](hand_fiber&) { recurse(&depth); });
        fiber.resume();
      },
      ExitedWithCode(8), "");
}

}  // namespace
}  // namespace sluice::rt
