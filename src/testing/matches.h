// matches.h: regular expressions for death tests. GoogleTest's own know no sets and no groups on
// Windows.
#pragma once

#include <gmock/gmock.h>

#include <regex>
#include <string>

namespace sluice::testing {

// Matches a text that contains what `pattern` (ECMAScript's) describes.
inline auto matches(const char* pattern) {
  return ::testing::Truly([expression = std::regex(pattern)](const std::string& said) {
    return std::regex_search(said, expression);
  });
}

}  // namespace sluice::testing
