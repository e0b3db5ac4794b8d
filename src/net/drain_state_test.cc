#include "net/drain_state.h"

#include <gtest/gtest.h>

#include "net/fair_share.h"

namespace sluice::net {
namespace {

// A poll_desc whose reports the test makes.
struct scripted_desc {
  struct scripted_slot {
    bool token = false;
    bool take_token(std::uint32_t) { return std::exchange(token, false); }
  };
  scripted_slot read;
  std::uint32_t reports = 0;
  std::uint32_t cleared = 0;

  scripted_slot& slot(rt::direction) { return read; }
  [[nodiscard]] std::uint32_t generation() const { return 1; }
  [[nodiscard]] std::uint32_t exceptional_mark() const { return reports; }
  [[nodiscard]] bool exceptional() const { return reports != cleared; }
  void clear_exceptional(std::uint32_t mark) { cleared = mark; }

  void report(bool exceptional = false) {
    if (exceptional) ++reports;
    read.token = true;
  }
};

class DrainState : public testing::Test {
 protected:
  // One read that asks for 100 bytes. False: it waits first.
  bool read(std::int64_t got, bool allowed = true) {
    if (!drain.may_try(desc)) return false;
    drain.note(desc, os::outcome(got), 100, allowed);
    return true;
  }
  static constexpr std::int64_t would_block = -11;

  scripted_desc desc;
  drain_state drain;
};

TEST_F(DrainState, AShortReadMakesTheNextOneWait) {
  EXPECT_TRUE(read(10));
  EXPECT_FALSE(read(10));
  EXPECT_FALSE(read(10));
}

TEST_F(DrainState, AFullReadDoesNot) {
  EXPECT_TRUE(read(100));
  EXPECT_TRUE(read(10));
}

TEST_F(DrainState, AReportEndsTheWait) {
  EXPECT_TRUE(read(10));
  desc.report();
  EXPECT_TRUE(read(10));
  EXPECT_FALSE(read(10));
}

TEST_F(DrainState, AReportThatTheWaitConsumedCountsToo) {
  EXPECT_TRUE(read(10));
  EXPECT_FALSE(read(10));
  drain.waited();
  EXPECT_TRUE(read(10));
}

TEST_F(DrainState, ASocketThatIsNotOnTheListIsAlwaysTried) {
  EXPECT_TRUE(read(10, false));
  EXPECT_TRUE(read(10, false));
}

TEST_F(DrainState, AnExceptionalReportPausesTheShortcutUntilNothingIsLeft) {
  desc.report(true);
  EXPECT_TRUE(read(10));
  EXPECT_TRUE(read(10));
  EXPECT_TRUE(read(would_block));
  drain.waited();
  EXPECT_TRUE(read(10));
  EXPECT_FALSE(read(10));
}

TEST_F(DrainState, AnExceptionalReportDuringTheLastReadIsNotForgotten) {
  desc.report(true);
  EXPECT_TRUE(drain.may_try(desc));
  desc.report(true);  // after the system call has looked, before its answer is noted
  drain.note(desc, os::outcome(would_block), 100, true);
  drain.waited();
  EXPECT_TRUE(read(10));
  EXPECT_TRUE(read(10));
}

TEST_F(DrainState, TheEndAndErrorsAreAskedForAgain) {
  EXPECT_TRUE(read(0));
  EXPECT_TRUE(read(0));
  EXPECT_TRUE(read(-104));
  EXPECT_TRUE(read(-104));
}

TEST(FairShare, AfterManyCallsWithoutAWaitOthersAreLetIn) {
  fair_share share;
  for (int round = 0; round < 3; ++round) {
    for (unsigned i = round == 0 ? 0 : 1; i < fair_share::limit; ++i) EXPECT_FALSE(share.is_over());
    EXPECT_TRUE(share.is_over());
  }
}

TEST(FairShare, AWaitStartsItAnew) {
  fair_share share;
  for (unsigned i = 0; i < 10 * fair_share::limit; ++i) {
    EXPECT_FALSE(share.is_over());
    share.waited();
  }
}

}  // namespace
}  // namespace sluice::net
