// rng.h: a small fast generator for scheduling choices; not for anything that must be secret.
#pragma once

#include <cstdint>

namespace sluice::rt {

// Marsaglia's xorshift64 (Xorshift RNGs, 2003), shifts 13, 7, 17.
class xorshift {
 public:
  explicit xorshift(std::uint64_t seed) noexcept : state_(seed | 1) {}

  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  // 0 <= result < bound.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((next() >> 32) * bound >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::rt
