// with_processors.h: every concurrent test runs with 1, 2 and many processors.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "sluice/run.h"

namespace sluice::testing {

class with_processors : public ::testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] static run_options options() {
    run_options chosen;
    chosen.processors = GetParam();
#ifdef SLUICE_MIGRATE
    chosen.processors = std::max(chosen.processors, 4u);
#endif
    return chosen;
  }
};

}  // namespace sluice::testing

#define SLUICE_INSTANTIATE_WITH_PROCESSORS(suite)                            \
  INSTANTIATE_TEST_SUITE_P(Processors, suite, ::testing::Values(1u, 2u, 4u), \
                           [](const auto& which) { return std::to_string(which.param); })
