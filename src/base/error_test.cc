#include "sluice/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>
#include <utility>

namespace sluice {
namespace {

TEST(Error, SaysOperationObjectAndCause) {
  const error refused =
      error(std::errc::connection_refused).with_context("dial tcp", "127.0.0.1:1");
  EXPECT_EQ(refused.operation(), "dial tcp");
  EXPECT_EQ(refused.object(), "127.0.0.1:1");
  EXPECT_EQ(refused.message(), "dial tcp 127.0.0.1:1: connection refused");
}

TEST(Error, WithoutContextIsJustItsCause) {
  EXPECT_EQ(error(errc::end_of_stream).message(), "end of stream");
  EXPECT_EQ(error::from_errno(ECONNRESET).message(), "connection reset by peer");
  EXPECT_EQ(error(errc::closed).operation(), "");
  EXPECT_EQ(error(errc::closed).object(), "");
}

TEST(Error, LeavesOutAnEmptyObject) {
  EXPECT_EQ(error(errc::closed).with_context("accept", "").message(), "accept: closed");
}

TEST(Error, ComparesWithTheStandardsConditions) {
  EXPECT_TRUE(error(errc::deadline_exceeded) == std::errc::timed_out);
  EXPECT_TRUE(error(errc::operation_canceled) == std::errc::operation_canceled);
  EXPECT_TRUE(error(errc::not_supported) == std::errc::not_supported);
  EXPECT_TRUE(error::from_errno(ECONNRESET) == std::errc::connection_reset);
  EXPECT_FALSE(error(errc::closed) == std::errc::connection_reset);
}

TEST(Error, OfTheKernelsTimeoutIsNotOurDeadline) {
  EXPECT_FALSE(error::from_errno(ETIMEDOUT) == errc::deadline_exceeded);
  EXPECT_TRUE(error(errc::deadline_exceeded) == errc::deadline_exceeded);
}

TEST(Error, IsEqualByCodeWhateverItsContextAndCount) {
  const error plain(errc::closed);
  EXPECT_EQ(plain, plain.with_context("read", "here").with_transferred(7));
  EXPECT_FALSE(plain == error(errc::end_of_stream));
}

TEST(Error, CountTravelsWithContextAndCopies) {
  const error cut = error(errc::unexpected_end).with_transferred(42).with_context("read_full", "x");
  EXPECT_EQ(cut.transferred(), 42u);
  const error copy = cut;
  EXPECT_EQ(copy.transferred(), 42u);
  EXPECT_EQ(copy.message(), cut.message());
}

TEST(Error, ContextOutlivesTheErrorThatItWasCopiedFrom) {
  error copy(errc::closed);
  {
    const error original = error(errc::closed).with_context("listen tcp", "127.0.0.1:0");
    copy = original;
  }
  EXPECT_EQ(copy.object(), "127.0.0.1:0");
  const error moved = std::move(copy);
  EXPECT_EQ(moved.operation(), "listen tcp");
}

TEST(Error, PrintsItsSentenceOnAStream) {
  std::ostringstream out;
  out << error(errc::limit_exceeded).with_context("read_line", "");
  EXPECT_EQ(out.str(), "read_line: limit exceeded");
}

TEST(Error, FailPrintsTheSentenceAndReturnsOne) {
  testing::internal::CaptureStderr();
  const int status = fail(error(errc::closed).with_context("accept", "tcp"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "accept tcp: closed\n");
  EXPECT_EQ(status, 1);
}

TEST(Error, EveryCodeHasASentence) {
  for (int code = static_cast<int>(errc::closed); code <= static_cast<int>(errc::wrong_runtime);
       ++code) {
    EXPECT_NE(error_category().message(code), "unknown error") << code;
  }
  EXPECT_EQ(error_category().message(1000), "unknown error");
}

}  // namespace
}  // namespace sluice
