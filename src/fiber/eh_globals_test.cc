// eh_globals_test.cc: exceptions on fibers, and the runtime's state that travels with them.
#include "fiber/eh_globals.h"

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "fiber/hand_fiber.h"

namespace sluice::rt {
namespace {

stack_pool& pool() {
  static stack_pool shared({.control_size = 256});
  return shared;
}

void resume_elsewhere(hand_fiber& fiber) {
  std::thread([&] { fiber.resume(); }).join();
}

std::string current_message() {
  try {
    if (auto current = std::current_exception()) std::rethrow_exception(current);
    return "none";
  } catch (const std::exception& caught) {
    return caught.what();
  }
}

TEST(EhGlobals, EachThreadHasItsOwnWords) {
  eh_globals* other = nullptr;
  std::thread([&] { other = thread_eh_globals(); }).join();
  eh_globals* const mine = thread_eh_globals();
  ASSERT_NE(mine, nullptr);
  EXPECT_NE(mine, other);
  EXPECT_EQ(mine->caught, nullptr);
  try {
    throw 1;
  } catch (int) {
    EXPECT_NE(mine->caught, nullptr);
  }
  EXPECT_EQ(mine->caught, nullptr);
}

TEST(EhGlobals, ExceptionsAreThrownAndCaughtBeforeAndAfterASwitch) {
  int caught = 0;
  hand_fiber fiber(pool(), [&](hand_fiber& self) {
    for (int round = 0; round < 3; ++round) {
      try {
        if (round == 1) self.park();
        throw std::runtime_error("thrown");
      } catch (const std::runtime_error&) {
        ++caught;
      }
      self.park();
    }
  });
  while (!fiber.done()) resume_elsewhere(fiber);
  EXPECT_EQ(caught, 3);
}

TEST(EhGlobals, AParkInsideACatchIsResumedOnAnotherThreadAndRethrows) {
  std::string inner;
  std::string outer;
  hand_fiber fiber(pool(), [&](hand_fiber& self) {
    try {
      try {
        throw std::runtime_error("first");
      } catch (const std::runtime_error&) {
        self.park();
        inner = current_message();
        self.park();
        throw;
      }
    } catch (const std::runtime_error& again) {
      outer = again.what();
    }
  });
  fiber.resume();
  EXPECT_EQ(std::current_exception(), nullptr);  // the fiber's exception stayed with the fiber
  resume_elsewhere(fiber);
  EXPECT_EQ(inner, "first");
  resume_elsewhere(fiber);
  EXPECT_TRUE(fiber.done());
  EXPECT_EQ(outer, "first");
}

TEST(EhGlobals, TwoFibersAreInsideACatchAtOnce) {
  std::string seen[2];
  const auto body = [&](int which) {
    return [&seen, which](hand_fiber& self) {
      try {
        throw std::runtime_error(which == 0 ? "left" : "right");
      } catch (const std::runtime_error&) {
        self.park();
        seen[which] = current_message();
        self.park();
        seen[which] += "+" + current_message();
      }
      seen[which] += "+" + current_message();
    };
  };
  hand_fiber left(pool(), body(0));
  hand_fiber right(pool(), body(1));
  // Not nested: the one that caught first also leaves first.
  left.resume();
  right.resume();
  left.resume();
  right.resume();
  left.resume();
  right.resume();
  EXPECT_EQ(seen[0], "left+left+none");
  EXPECT_EQ(seen[1], "right+right+none");
  EXPECT_EQ(std::current_exception(), nullptr);
}

struct parks_in_destructor {
  hand_fiber& self;
  int& before;
  int& after;
  ~parks_in_destructor() {
    before = std::uncaught_exceptions();
    self.park();
    after = std::uncaught_exceptions();
  }
};

TEST(EhGlobals, ADestructorParksDuringUnwindingAndTheCountStaysRight) {
  int before = -1;
  int after = -1;
  int at_end = -1;
  hand_fiber unwinding(pool(), [&](hand_fiber& self) {
    try {
      const parks_in_destructor local{self, before, after};
      throw std::runtime_error("unwinding");
    } catch (const std::runtime_error&) {
    }
    at_end = std::uncaught_exceptions();
  });
  int other = -1;
  hand_fiber calm(pool(), [&](hand_fiber&) { other = std::uncaught_exceptions(); });
  unwinding.resume();
  EXPECT_EQ(before, 1);
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  calm.resume();
  EXPECT_EQ(other, 0);
  resume_elsewhere(unwinding);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(at_end, 0);
  EXPECT_TRUE(unwinding.done());
}

TEST(EhGlobals, AHostInsideACatchRunsAFiberThatCatchesToo) {
  std::string inside = "?";
  try {
    throw std::runtime_error("host");
  } catch (const std::runtime_error&) {
    hand_fiber fiber(pool(), [&](hand_fiber& self) {
      inside = current_message();
      try {
        throw std::logic_error("fiber");
      } catch (const std::logic_error&) {
        self.park();
      }
    });
    fiber.resume();
    EXPECT_EQ(current_message(), "host");
    fiber.resume();
  }
  EXPECT_EQ(inside, "none");
}

TEST(EhGlobalsDeathTest, AnExceptionThatLeavesTheEntryEndsTheProgram) {
  EXPECT_DEATH(
      {
        hand_fiber fiber(pool(), [](hand_fiber&) { throw std::runtime_error("nobody catches"); });
        fiber.resume();
      },
      "nobody catches");
}

}  // namespace
}  // namespace sluice::rt
