// overflow_posix_test.cc: every fault but an overflow goes where it would have gone.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

#include "fiber/overflow_test.h"

namespace sluice::rt {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

TEST(OverflowDeathTest, AnotherFaultFindsTheDefaultAction) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_DFL);
        on_a_small_fiber([] { touch(nowhere()); });
      },
      KilledBySignal(SIGSEGV), "^$");
}

TEST(OverflowDeathTest, ASignalThatWasSentFindsTheDefaultAction) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, SIG_DFL);
        on_a_small_fiber([] { ::raise(SIGBUS); });
      },
      KilledBySignal(SIGBUS), "^$");
}

TEST(OverflowDeathTest, ASignalThatWasSentIsIgnoredIfItWasBefore) {
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, SIG_IGN);
        on_a_small_fiber([] { ::raise(SIGBUS); });
        ::_exit(5);
      },
      ExitedWithCode(5), "^$");
}

TEST(OverflowDeathTest, AHandlerWithoutInformationIsCalled) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, [](int number) { ::_exit(number == SIGSEGV ? 6 : 1); });
        on_a_small_fiber([] { touch(nowhere()); });
      },
      ExitedWithCode(6), "");
}

char* volatile page = nullptr;

void repair(int, siginfo_t* info, void*) {
  if (info->si_addr != page) ::_exit(1);
  ::mprotect(info->si_addr, 1, PROT_READ | PROT_WRITE);
}

void install(void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = flags;
  ::sigaction(SIGSEGV, &action, nullptr);
}

TEST(OverflowDeathTest, AHandlerWithInformationMayRepairAndGoOn) {
  EXPECT_EXIT(
      {
        install(repair, SA_SIGINFO);
        on_a_small_fiber([] {
          page = static_cast<char*>(
              ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
          touch(page);
          touch(page);
        });
        ::_exit(page[0] == 1 ? 7 : 1);
      },
      ExitedWithCode(7), "^$");
}

TEST(OverflowDeathTest, AHandlerThatAskedToBeCalledOnceIsCalledOnce) {
  EXPECT_EXIT(
      {
        install([](int, siginfo_t*, void*) { ::write(2, "once", 4) == 4 ? void() : ::_exit(1); },
                SA_SIGINFO | static_cast<int>(SA_RESETHAND));
        on_a_small_fiber([] { touch(nowhere()); });
      },
      KilledBySignal(SIGSEGV), "^once$");
}

TEST(OverflowDeathTest, AWildPointerIntoSomeGuardIsNoOverflow) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_DFL);
        stack_pool other({.control_size = 64});
        const stack_slot slot = other.take(default_stack_size).value();
        on_a_small_fiber([&] { touch(static_cast<char*>(slot.stack_bottom) - 1); });
      },
      KilledBySignal(SIGSEGV), "^$");
}

TEST(OverflowDeathTest, WithoutTheHandlerItIsAPlainFault) {
  volatile int depth = 0;
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_DFL);
        install_overflow_handler(describe);
        uninstall_overflow_handler();
        stack_pool pool({.control_size = 64});
        hand_fiber fiber(pool, [&](hand_fiber&) { recurse(&depth); });
        fiber.resume();
      },
      KilledBySignal(SIGSEGV), "^$");
}

void* handler_in_force() {
  struct sigaction current{};
  ::sigaction(SIGSEGV, nullptr, &current);
  return reinterpret_cast<void*>(current.sa_sigaction);
}

TEST(Overflow, TheLastUninstallPutsThePreviousHandlerBack) {
  void* const before = handler_in_force();
  install_overflow_handler(describe);
  void* const ours = handler_in_force();
  EXPECT_NE(ours, before);
  install_overflow_handler(describe);
  uninstall_overflow_handler();
  EXPECT_EQ(handler_in_force(), ours);
  uninstall_overflow_handler();
  EXPECT_EQ(handler_in_force(), before);
}

TEST(OverflowDeathTest, AHandlerThatCameLaterIsLeftAloneAndMayChainForEver) {
  static struct sigaction below{};
  volatile int depth = 0;
  EXPECT_EXIT(
      {
        install_overflow_handler(describe);
        struct sigaction later{};
        later.sa_flags = SA_SIGINFO | SA_ONSTACK;
        later.sa_sigaction = [](int number, siginfo_t* info, void* machine) {
          [[maybe_unused]] const auto written = ::write(2, "later ", 6);
          below.sa_sigaction(number, info, machine);
        };
        ::sigaction(SIGSEGV, &later, &below);
        uninstall_overflow_handler();
        if (handler_in_force() != reinterpret_cast<void*>(later.sa_sigaction)) ::_exit(1);
        on_a_small_fiber([&] { recurse(&depth); });
      },
      KilledBySignal(SIGABRT), "^later sluice: stack overflow in fiber 7");
}

TEST(AlternateStack, ThePreviousOneIsRestored) {
  stack_t before{};
  stack_t during{};
  stack_t after{};
  ::sigaltstack(nullptr, &before);
  {
    const alternate_stack here;
    ::sigaltstack(nullptr, &during);
  }
  ::sigaltstack(nullptr, &after);
  EXPECT_NE(during.ss_sp, before.ss_sp);
  EXPECT_GE(during.ss_size, std::size_t{64} << 10);
  EXPECT_EQ(after.ss_sp, before.ss_sp);
  EXPECT_EQ(after.ss_flags, before.ss_flags);
}

}  // namespace
}  // namespace sluice::rt
