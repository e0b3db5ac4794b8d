// test_exchange_test.h: runs handlers on requests given as bytes, without a connection.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"

namespace sluice::http {

// Why it failed; no error if it did not, so that a test that expects one fails and goes on.
template <class T>
error error_of(const result<T>& outcome) {
  return outcome ? error(std::errc()) : outcome.error();
}

class recording_sink final : public sink {
 public:
  result<void> write(std::string_view first, std::string_view second) override {
    if (failure) return std::unexpected(*failure);
    writes.push_back(std::string(first) + std::string(second));
    return {};
  }
  [[nodiscard]] std::string all() const {
    std::string text;
    for (const std::string& one : writes) text += one;
    return text;
  }

  std::vector<std::string> writes;
  std::optional<error> failure;
};

// 1994-11-06 08:49:37
inline constexpr std::int64_t test_time = 784111777;
inline const std::string test_date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

// What `run` answers to `bytes`, a request without body.
inline std::string answer(const handler& run, std::string_view bytes) {
  const limits bounds;
  recording_sink to;
  detail::exchange exchange(bounds, to);
  const auto parsed = exchange.parser.read_head(bytes);
  EXPECT_EQ(parsed.outcome, parse::step::done) << exchange.parser.refused().reason;
  if (parsed.outcome != parse::step::done) return {};
  const parse::request_head& head = exchange.parser.head();
  exchange.writer.begin({.head_only = head.method == "HEAD",
                         .version_minor = head.version_minor,
                         .keep_alive = head.keep_alive,
                         .now = test_time});
  exchange.answer(run);
  EXPECT_TRUE(exchange.writer.finish());
  EXPECT_TRUE(exchange.out.flush());
  return to.all();
}

inline std::string request_for(std::string_view method, std::string_view target) {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

}  // namespace sluice::http
