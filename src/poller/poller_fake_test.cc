#include "poller/poller_fake.h"

#include <gtest/gtest.h>

#include "poller/poller_conformance.h"

namespace sluice::rt {
namespace {

struct fake_backend {
  static std::unique_ptr<poller> make() { return std::make_unique<poller_fake>(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, poller_wait_suite, fake_backend);

class PollerFakeTest : public testing::Test {
 protected:
  static constexpr os::native_handle number = 100;

  poll_table table_;
  poll_desc& desc_ = *table_.take().value();
  poller_fake fake_;
  report_list reports_;
};

TEST_F(PollerFakeTest, SaysWhatIsScriptedInOrder) {
  fake_.script({1, 2, ready_to_read});
  fake_.script({3, 4, ready_to_write});
  fake_.wait(poll_forever, reports_);
  ASSERT_EQ(reports_.size(), 2u);
  EXPECT_EQ(reports_[0].desc, 1u);
  EXPECT_EQ(reports_[0].generation, 2u);
  EXPECT_EQ(reports_[1].what, ready_to_write);
}

TEST_F(PollerFakeTest, AScriptFromAnotherThreadEndsTheWait) {
  std::thread other([&] { fake_.script({1, 2, ready_to_read}); });
  fake_.wait(poll_forever, reports_);
  other.join();
  EXPECT_EQ(reports_.size(), 1u);
}

TEST_F(PollerFakeTest, ReportsByNumberNameWhatIsRegistered) {
  EXPECT_FALSE(fake_.script(number, ready_to_read));
  ASSERT_TRUE(fake_.add(number, desc_));
  EXPECT_TRUE(fake_.watches(number));
  EXPECT_EQ(fake_.add(number, desc_).error(), std::errc::file_exists);
  ASSERT_TRUE(fake_.script(number, ready_to_read));
  fake_.wait(poll_forever, reports_);
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].desc, desc_.index());
  EXPECT_EQ(reports_[0].generation, desc_.generation());
  fake_.remove(number, desc_);
  EXPECT_FALSE(fake_.watches(number));
}

TEST_F(PollerFakeTest, RefusesOneAddWhenTold) {
  fake_.refuse_next_add(error(std::errc::no_space_on_device));
  EXPECT_EQ(fake_.add(number, desc_).error(), std::errc::no_space_on_device);
  EXPECT_TRUE(fake_.add(number, desc_));
}

TEST_F(PollerFakeTest, MoreThanAListHoldsComesInSeveralWaits) {
  constexpr std::size_t scripted = 2 * report_list::capacity + 10;
  for (std::size_t i = 0; i < scripted; ++i) fake_.script({0, 0, ready_to_read});
  std::size_t seen = 0;
  for (int i = 0; i < 3; ++i) {
    reports_.clear();
    fake_.wait(poll_forever, reports_);
    seen += reports_.size();
  }
  EXPECT_EQ(seen, scripted);
  EXPECT_EQ(fake_.waits(), 3u);
  EXPECT_EQ(fake_.blocked_waits(), 0u);
}

}  // namespace
}  // namespace sluice::rt
