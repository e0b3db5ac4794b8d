// model_fixture.h: what the tests that use model.h have in common.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "testing/model.h"

namespace sluice::model {

// Tests of one state machine: `class park_word_model : public model::fixture {}`.
class fixture : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP()
        << "SKIPPED under ThreadSanitizer: a model is one OS thread with stacks of its own";
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    GTEST_SKIP()
        << "SKIPPED under ThreadSanitizer: a model is one OS thread with stacks of its own";
#endif
#endif
  }

  // True, with a line that says so, when SLUICE_TEST_SCALE asks for less than full counts: an
  // exhaustive search cannot be shrunk, only left out.
  static bool leaves_out_heavy(const char* what) {
    const char* const scale = std::getenv("SLUICE_TEST_SCALE");
    if (scale == nullptr || std::atof(scale) >= 1) return false;
    std::printf("[model] SKIPPED, SLUICE_TEST_SCALE=%s: %s\n", scale, what);
    return true;
  }

  // Every execution was right, and there were enough of them to mean something. `at_least` counts
  // executions that ran to their end; raise it when a scenario grows, ask why when it shrinks.
  static void expect_right(const outcome& result, std::size_t at_least) {
    EXPECT_TRUE(result.passed()) << result.failure << "\n" << result.schedule;
    EXPECT_GE(result.executions + result.joined, at_least);
  }

  // The planted fault was met and found out; `how` is part of the failure's sentence.
  static void expect_found(const outcome& result, const char* how, bool by_policy = true) {
    EXPECT_FALSE(result.passed()) << "a planted fault went unnoticed";
    EXPECT_NE(result.failure.find(how), std::string::npos) << result.failure << result.schedule;
    EXPECT_NE(result.schedule, "");
    if (by_policy) {
      EXPECT_GT(result.planted, 0u) << "the fault names no operation that was run";
    }
  }
};

}  // namespace sluice::model
