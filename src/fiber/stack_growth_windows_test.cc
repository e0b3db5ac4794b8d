// stack_growth_windows_test.cc: a stack opens page by page as it is used, and the thread's block
// says so on whatever thread the fiber runs.
#include <gtest/gtest.h>
#include <windows.h>

#include <cstring>
#include <functional>
#include <stdexcept>
#include <thread>

#include "fiber/hand_fiber.h"
#include "fiber/overflow.h"
#include "os/memory.h"
#include "testing/matches.h"

namespace sluice::rt {
namespace {

const NT_TIB& thread_block() { return *reinterpret_cast<const NT_TIB*>(::NtCurrentTeb()); }

std::size_t open_bytes() {
  return static_cast<std::size_t>(static_cast<const char*>(thread_block().StackBase) -
                                  static_cast<const char*>(thread_block().StackLimit));
}

// Uses about `bytes` of stack, in small frames, and calls `at_the_end` there.
[[gnu::noinline]] void descend(std::size_t bytes, const std::function<void()>& at_the_end) {
  volatile char frame[512];
  std::memset(const_cast<char*>(frame), 1, sizeof(frame));
  if (bytes > sizeof(frame)) {
    descend(bytes - sizeof(frame), at_the_end);
  } else {
    at_the_end();
  }
  frame[0] = 2;  // so that the call is none that ends the function
}

constexpr std::size_t deep = std::size_t{120} << 10;

TEST(StackGrowth, AFiberBeginsWithLittleAndGrows) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  std::size_t before = 0;
  std::size_t after = 0;
  hand_fiber fiber(pool, [&](hand_fiber&) {
    before = open_bytes();
    descend(deep, [] {});
    after = open_bytes();
  });
  fiber.resume();
  EXPECT_TRUE(fiber.done());
  EXPECT_LE(before, std::size_t{64} << 10);
  EXPECT_GE(after, deep);
}

TEST(StackGrowth, TheBoundsTravelWithTheFiber) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  const void* const own_base = thread_block().StackBase;
  std::size_t grown = 0;
  std::size_t elsewhere = 0;
  hand_fiber fiber(pool, [&](hand_fiber& self) {
    descend(deep, [] {});
    grown = open_bytes();
    self.park();
    elsewhere = open_bytes();
    descend(deep + (std::size_t{32} << 10), [] {});
  });
  fiber.resume();
  EXPECT_EQ(thread_block().StackBase, own_base);
  std::thread([&] { fiber.resume(); }).join();
  EXPECT_TRUE(fiber.done());
  EXPECT_EQ(elsewhere, grown);
}

TEST(StackGrowth, AFrameOfManyPagesOpensThemAll) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  int sum = 0;
  hand_fiber fiber(pool, [&](hand_fiber&) {
    volatile char large[100'000];
    large[0] = 1;
    large[sizeof(large) - 1] = 2;
    sum = large[0] + large[sizeof(large) - 1];
  });
  fiber.resume();
  EXPECT_EQ(sum, 3);
}

TEST(StackGrowth, AnExceptionFindsItsWayUpADeepStackOnAnotherThread) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  std::string caught;
  hand_fiber fiber(pool, [&](hand_fiber& self) {
    try {
      descend(deep, [&] {
        self.park();
        throw std::runtime_error("from below");
      });
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
  });
  fiber.resume();
  std::thread([&] { fiber.resume(); }).join();
  EXPECT_EQ(caught, "from below");
}

TEST(StackGrowth, AStackThatWasUsedBeforeKeepsItsBounds) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  for (int user = 0; user < 3; ++user) {
    std::size_t after = 0;
    bool caught = false;
    hand_fiber fiber(pool, [&](hand_fiber&) {
      try {
        descend(deep, [] { throw 1; });
      } catch (int) {
        caught = true;
      }
      after = open_bytes();
    });
    fiber.resume();
    EXPECT_TRUE(caught);
    EXPECT_GE(after, deep);
  }
}

TEST(StackGrowth, WhatATrimmedStackHadOpenIsStillUsable) {
  stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
  for (int user = 0; user < 2; ++user) {
    hand_fiber fiber(pool, [&](hand_fiber&) { descend(deep, [] {}); });
    fiber.resume();
    EXPECT_TRUE(fiber.done());
    static_cast<void>(pool.trim(0));
  }
  EXPECT_EQ(pool.trim(0), 1u);
}

TEST(StackGrowthDeathTest, TheEndOfTheStackIsASentence) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        install_overflow_handler(nullptr);
        stack_pool pool({.control_size = sizeof(sanitizer_fiber)});
        hand_fiber fiber(pool, [](hand_fiber&) { descend(std::size_t{1} << 30, [] {}); });
        fiber.resume();
      },
      ::sluice::testing::matches("sluice: stack overflow in fiber [0-9]+, stack size 256 KiB"));
}

}  // namespace
}  // namespace sluice::rt
