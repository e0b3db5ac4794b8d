// error_of.h: the error of a call that is expected to fail.
#pragma once

#include <gtest/gtest.h>

#include "sluice/error.h"

namespace sluice::testing {

// Returns  the error; of a call that has succeeded, none and a failed expectation (asking the
//          result itself would end the test program).
template <class T>
[[nodiscard]] error error_of(const result<T>& outcome) {
  if (!outcome) return outcome.error();
  ADD_FAILURE() << "succeeded";
  return error(std::error_code());
}

}  // namespace sluice::testing
