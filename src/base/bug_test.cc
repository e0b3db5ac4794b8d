#include "base/bug.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace sluice {
namespace {

// GoogleTest's own regular expressions know no sets and no groups on Windows.
auto matches(const char* pattern) {
  return ::testing::Truly([expression = std::regex(pattern)](const std::string& said) {
    return std::regex_search(said, expression);
  });
}

TEST(BugDeathTest, SaysTheSentenceAndThePlace) {
  EXPECT_DEATH(bug("the queue lost a fiber"),
               matches("^sluice: bug: the queue lost a fiber \\(.*bug_test[.]cc:[0-9]+\\)\n$"));
}

TEST(BugDeathTest, MisuseSaysTheSentenceAlone) {
  EXPECT_DEATH(misuse("a fiber joins itself"), "^sluice: a fiber joins itself\n$");
}

TEST(BugDeathTest, CheckEndsTheProgramOnlyWhenItDoesNotHold) {
  check(true, "never said");
  EXPECT_DEATH(check(false, "said"), "sluice: bug: said");
}

TEST(BugDeathTest, ALongSentenceIsCutNotOverrun) {
  const std::string sentence(4096, 'x');
  EXPECT_DEATH(bug(sentence.c_str()), "^sluice: bug: x+");
}

}  // namespace
}  // namespace sluice
