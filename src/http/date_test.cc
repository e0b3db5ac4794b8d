#include "http/date.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

std::string date(std::int64_t seconds) {
  const date_text text = format_date(seconds);
  return {text.begin(), text.end()};
}

TEST(HttpDate, IsWrittenAsTheRfcShowsIt) {
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(date(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
  EXPECT_EQ(date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(HttpDate, CacheFollowsTheClock) {
  date_cache cache;
  EXPECT_EQ(cache.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(784111778), "Sun, 06 Nov 1994 08:49:38 GMT");
  EXPECT_EQ(cache.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace sluice::http
