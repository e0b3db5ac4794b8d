#include "net/handle_word.h"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

constexpr direction reading = direction::read;
constexpr direction writing = direction::write;

TEST(HandleWord, EachDirectionHasOneTurn) {
  handle_word word;
  EXPECT_EQ(word.try_take(reading), turn_result::taken);
  EXPECT_EQ(word.try_take(reading), turn_result::busy);
  EXPECT_EQ(word.try_take(writing), turn_result::taken);
  EXPECT_EQ(word.users(), 2U);
  EXPECT_TRUE(word.give_back(reading));
  EXPECT_EQ(word.try_take(reading), turn_result::taken);
}

TEST(HandleWord, WhoQueuesForAFreeTurnHasIt) {
  handle_word word;
  EXPECT_EQ(word.enqueue(reading), turn_result::taken);
  EXPECT_EQ(word.enqueue(reading), turn_result::queued);
  EXPECT_EQ(word.users(), 2U);
}

TEST(HandleWord, AQueueMakesGivingBackTheTurnSlow) {
  handle_word word;
  EXPECT_EQ(word.try_take(writing), turn_result::taken);
  EXPECT_EQ(word.enqueue(writing), turn_result::queued);
  EXPECT_FALSE(word.give_back(writing));
  // Handed over: the turn stays taken, and one of the two has left.
  EXPECT_EQ(word.leave_slowly(handle_word::queued(writing)), 1U);
  EXPECT_EQ(word.try_take(writing), turn_result::busy);
  EXPECT_TRUE(word.give_back(writing));
  EXPECT_EQ(word.users(), 0U);
}

TEST(HandleWord, AClosedOneLetsNobodyIn) {
  handle_word word;
  EXPECT_TRUE(word.close());
  EXPECT_FALSE(word.close());
  EXPECT_FALSE(word.enter());
  EXPECT_EQ(word.try_take(reading), turn_result::closed);
  EXPECT_EQ(word.enqueue(writing), turn_result::closed);
  EXPECT_EQ(word.users(), 1U);
}

TEST(HandleWord, WhoeverIsInsideWhenItClosesIsCounted) {
  handle_word word;
  EXPECT_TRUE(word.enter());
  EXPECT_EQ(word.try_take(reading), turn_result::taken);
  EXPECT_TRUE(word.close());
  EXPECT_FALSE(word.leave());
  EXPECT_EQ(word.leave_slowly(0), 2U);
  EXPECT_FALSE(word.give_back(reading));
  EXPECT_EQ(word.leave_slowly(handle_word::locked(reading)), 1U);
  EXPECT_EQ(word.leave_slowly(0), 0U);
}

TEST(HandleWord, AnEmptyQueueIsForgotten) {
  handle_word word;
  EXPECT_EQ(word.try_take(reading), turn_result::taken);
  EXPECT_EQ(word.enqueue(reading), turn_result::queued);
  word.dequeue(reading);
  EXPECT_TRUE(word.give_back(reading));
  EXPECT_EQ(word.users(), 1U);
}

}  // namespace
}  // namespace sluice::net
