// countdown.h: what wait_group and latch have in common, not for programs: a number, and waiting
// for it to become zero.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice::detail {

class countdown {
 public:
  static constexpr std::size_t most = 0x7fffffff;

  constexpr explicit countdown(std::size_t count) noexcept
      : left_(static_cast<std::uint32_t>(count)) {}
  countdown(const countdown&) = delete;
  countdown& operator=(const countdown&) = delete;

  // False: it would be more than `most`, and nothing was added.
  [[nodiscard]] bool add(std::size_t count) noexcept;
  // False: less than that is left.
  [[nodiscard]] bool take_away(std::size_t count) noexcept;
  [[nodiscard]] bool is_zero() const noexcept;
  void wait() noexcept;
  [[nodiscard]] bool wait_until(deadline until) noexcept;
  [[nodiscard]] result<void> wait_or_stop() noexcept;
  // Whether somebody waits. For destructors.
  [[nodiscard]] bool is_awaited() noexcept;

 private:
  struct internals;
  struct asked;
  internals& inside() noexcept;
  bool take_some_of_many(std::uint32_t count) noexcept;
  bool take_last(std::uint32_t count) noexcept;
  int wait_as(const asked& how) noexcept;

  // The last step to zero is made under the guard.
  std::atomic<std::uint32_t> left_;
  alignas(8) std::byte memory_[24]{};
};

}  // namespace sluice::detail
