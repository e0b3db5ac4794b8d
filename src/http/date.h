// date.h: the Date of a response (RFC 9110 5.6.7), made once a second.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::http {

// "Sun, 06 Nov 1994 08:49:37 GMT"
inline constexpr std::size_t date_size = 29;
using date_text = std::array<char, date_size>;

// Returns  the date of `seconds` since 1970-01-01 00:00 UTC, between the years 0 and 9999.
//
// Rejected: gmtime_r and strftime, which depend on the locale and read the time zone's file.
date_text format_date(std::int64_t seconds) noexcept;

// Remembers the last date. One for each user: sharing it would cost more than making it.
class date_cache {
 public:
  // Lives until the next call.
  std::string_view at(std::int64_t seconds) noexcept {
    if (seconds != seconds_) {
      text_ = format_date(seconds);
      seconds_ = seconds;
    }
    return {text_.data(), text_.size()};
  }

 private:
  std::int64_t seconds_ = INT64_MIN;
  date_text text_{};
};

}  // namespace sluice::http
