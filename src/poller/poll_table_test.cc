#include "poller/poll_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace sluice::rt {
namespace {

constexpr std::uint8_t all_ready = ready_to_read | ready_to_write;

TEST(PollTableTest, TakenDescriptorsAreDistinctAndFoundByIndex) {
  poll_table table;
  std::set<poll_desc*> seen;
  for (std::uint32_t i = 0; i < 3 * poll_table::chunk_size; ++i) {
    const auto desc = table.take();
    ASSERT_TRUE(desc);
    EXPECT_TRUE(seen.insert(*desc).second);
    EXPECT_EQ(&table.at((*desc)->index()), *desc);
  }
  EXPECT_EQ(table.in_use(), 3 * poll_table::chunk_size);
  for (poll_desc* desc : seen) table.give(*desc);
  EXPECT_EQ(table.in_use(), 0u);
}

TEST(PollTableTest, MemoryIsUsedAgainWithANewGeneration) {
  poll_table table;
  poll_desc& first = *table.take().value();
  const std::uint32_t generation = first.generation();
  table.give(first);
  poll_desc& second = *table.take().value();
  EXPECT_EQ(&first, &second);
  EXPECT_NE(second.generation(), generation);
}

TEST(PollTableTest, ANewUseStartsFromNothing) {
  poll_table table;
  poll_desc& desc = *table.take().value();
  const report everything{desc.index(), desc.generation(), all_ready | ready_exceptional};
  static_cast<void>(desc.apply(everything));
  desc.closing.store(true);
  desc.shard.store(3);
  desc.deadline(direction::read).store(deadline_expired);
  desc.deadline(direction::write).store(7);
  table.give(desc);
  ASSERT_EQ(table.take().value(), &desc);
  for (direction side : {direction::read, direction::write}) {
    EXPECT_FALSE(desc.slot(side).has_token());
    EXPECT_EQ(desc.deadline(side).load(), deadline_none);
  }
  EXPECT_FALSE(desc.closing.load());
  EXPECT_EQ(desc.shard.load(), no_shard);
  EXPECT_FALSE(desc.exceptional());
}

TEST(PollTableTest, TimersNameTheirDescriptorAndDirection) {
  poll_table table;
  for (std::uint32_t i = 0; i < poll_table::chunk_size + 1; ++i) {
    poll_desc& desc = *table.take().value();
    EXPECT_EQ(desc.deadline_timer(direction::read).owner, desc.index());
    EXPECT_EQ(desc.deadline_timer(direction::write).owner, desc.index());
    EXPECT_EQ(desc.deadline_timer(direction::read).kind, timer_kind::descriptor_read);
    EXPECT_EQ(desc.deadline_timer(direction::write).kind, timer_kind::descriptor_write);
  }
}

TEST(PollTableTest, AReportOfAnEarlierUseDoesNothing) {
  poll_table table;
  poll_desc& desc = *table.take().value();
  const report late{desc.index(), desc.generation(), all_ready | ready_exceptional};
  table.give(desc);
  EXPECT_FALSE(desc.apply(late).reader);  // nobody uses it
  ASSERT_EQ(table.take().value(), &desc);
  const park_ref self{5, 9};
  ASSERT_EQ(desc.slot(direction::read).arm(desc.generation(), self), arm_result::armed);
  EXPECT_FALSE(desc.apply(late).reader);
  EXPECT_FALSE(desc.slot(direction::write).has_token());
  EXPECT_FALSE(desc.exceptional());
  const report present{desc.index(), desc.generation(), ready_to_read};
  EXPECT_EQ(desc.apply(present).reader, self);
}

TEST(PollTableTest, ThreadsNeverShareADescriptor) {
  constexpr int threads = 4;
  constexpr int rounds = 2'000;
  poll_table table;
  std::atomic<int> shared{0};
  const auto churn = [&](std::uint32_t mine) {
    for (int i = 0; i < rounds; ++i) {
      poll_desc& desc = *table.take().value();
      // Plain marks by the owner; a second owner would overwrite them (and TSan would see it).
      desc.deadline_timer(direction::read).key = mine;
      desc.shard.store(mine);
      if (desc.shard.load() != mine || desc.deadline_timer(direction::read).key != mine) ++shared;
      table.give(desc);
    }
  };
  std::vector<std::thread> running;
  for (std::uint32_t i = 0; i < threads; ++i) running.emplace_back(churn, i);
  for (std::thread& one : running) one.join();
  EXPECT_EQ(shared.load(), 0);
  EXPECT_EQ(table.in_use(), 0u);
}

class PollDescTest : public testing::Test {
 protected:
  report said(unsigned what) const {
    return {desc_.index(), desc_.generation(), static_cast<std::uint8_t>(what)};
  }
  poll_table table_;
  poll_desc& desc_ = *table_.take().value();
};

TEST_F(PollDescTest, AReportWakesTheDirectionsItNames) {
  const park_ref reader{1, 10};
  const park_ref writer{2, 20};
  ASSERT_EQ(desc_.slot(direction::read).arm(desc_.generation(), reader), arm_result::armed);
  ASSERT_EQ(desc_.slot(direction::write).arm(desc_.generation(), writer), arm_result::armed);
  const auto by_read = desc_.apply(said(ready_to_read));
  EXPECT_EQ(by_read.reader, reader);
  EXPECT_FALSE(by_read.writer);
  const auto by_write = desc_.apply(said(ready_to_write));
  EXPECT_FALSE(by_write.reader);
  EXPECT_EQ(by_write.writer, writer);
}

TEST_F(PollDescTest, AReportThatNobodyWaitsForStaysAsAToken) {
  static_cast<void>(desc_.apply(said(ready_to_read)));
  EXPECT_TRUE(desc_.slot(direction::read).has_token());
  EXPECT_FALSE(desc_.slot(direction::write).has_token());
  EXPECT_EQ(desc_.slot(direction::read).arm(desc_.generation(), {1, 1}), arm_result::consumed);
  EXPECT_EQ(desc_.slot(direction::read).arm(desc_.generation(), {1, 1}), arm_result::armed);
}

TEST_F(PollDescTest, AnExceptionalReportSticksUntilAReadHasSeenTheEndOfIt) {
  static_cast<void>(desc_.apply(said(ready_to_read)));
  EXPECT_FALSE(desc_.exceptional());
  static_cast<void>(desc_.apply(said(ready_to_read | ready_exceptional)));
  EXPECT_TRUE(desc_.exceptional());
  const std::uint32_t mark = desc_.exceptional_mark();
  EXPECT_TRUE(desc_.exceptional());
  desc_.clear_exceptional(mark);
  EXPECT_FALSE(desc_.exceptional());
}

TEST_F(PollDescTest, AnExceptionalReportBetweenTheReadAndItsEndIsNotCleared) {
  const std::uint32_t mark = desc_.exceptional_mark();
  // The read has returned EAGAIN; before the reader says so, an urgent byte arrives.
  static_cast<void>(desc_.apply(said(ready_to_read | ready_exceptional)));
  desc_.clear_exceptional(mark);
  EXPECT_TRUE(desc_.exceptional());
}

}  // namespace
}  // namespace sluice::rt
