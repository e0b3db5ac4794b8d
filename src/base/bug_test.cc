#include "base/bug.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/matches.h"

namespace sluice {
namespace {

TEST(BugDeathTest, SaysTheSentenceAndThePlace) {
  EXPECT_DEATH(
      bug("the queue lost a fiber"),
      testing::matches("^sluice: bug: the queue lost a fiber \\(.*bug_test[.]cc:[0-9]+\\)\n$"));
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
