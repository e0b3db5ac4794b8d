#include "http/date.h"

#include <algorithm>
#include <chrono>

namespace sluice::http {
namespace {

void put(char* at, unsigned value, unsigned digits) noexcept {
  for (unsigned i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

date_text format_date(std::int64_t seconds) noexcept {
  using namespace std::chrono;
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const sys_seconds when{std::chrono::seconds(seconds)};
  const sys_days day = floor<std::chrono::days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(when - day);

  date_text text;
  std::string_view pattern = "Sun, 00 Jan 0000 00:00:00 GMT";
  std::copy(pattern.begin(), pattern.end(), text.begin());
  days.copy(text.data(), 3, weekday(day).c_encoding() * std::size_t{3});
  put(text.data() + 5, static_cast<unsigned>(date.day()), 2);
  months.copy(text.data() + 8, 3, (static_cast<unsigned>(date.month()) - 1) * std::size_t{3});
  put(text.data() + 12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put(text.data() + 17, static_cast<unsigned>(time.hours().count()), 2);
  put(text.data() + 20, static_cast<unsigned>(time.minutes().count()), 2);
  put(text.data() + 23, static_cast<unsigned>(time.seconds().count()), 2);
  return text;
}

}  // namespace sluice::http
