// c10k_histogram.h: how many latencies fell into which narrow range. The ranges are powers of two
// cut into 64 parts, so a latency is known to 1.6 %, and those of several processes add up.
//
// Rejected: keeping every latency. Percentiles of several processes need all of them in one place,
// and a million numbers are a megabyte of text for the reader of the pipe.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace bench {

class histogram {
 public:
  // Counts `nanoseconds`, kept as whole microseconds. Bucket `us` for less than 128; above,
  // shift * 64 + (us >> shift), where the shift leaves seven bits. c10k_report.py is the inverse.
  void add(std::int64_t nanoseconds) {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0)) / 1000;
    const auto capped = std::min<std::uint64_t>(us, (std::uint64_t{1} << largest_bits) - 1);
    const int shift = std::max(static_cast<int>(std::bit_width(capped)) - 7, 0);
    ++counts_[static_cast<std::size_t>(shift) * 64 + static_cast<std::size_t>(capped >> shift)];
  }

  void clear() { counts_.fill(0); }

  // Prints [[bucket, count], ...], without the empty ones.
  void print(std::FILE* out) const {
    const char* separator = "";
    std::fputc('[', out);
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      if (counts_[bucket] == 0) continue;
      std::fprintf(out, "%s[%zu,%llu]", separator, bucket, counts_[bucket]);
      separator = ",";
    }
    std::fputc(']', out);
  }

 private:
  static constexpr int largest_bits = 32;  // of microseconds: over an hour
  std::array<unsigned long long, (largest_bits - 7) * 64 + 128> counts_{};
};

}  // namespace bench
