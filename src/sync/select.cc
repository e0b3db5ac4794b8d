// select.cc: selects of the library's channels by the rules of select_rules.h.
#include "sluice/select.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "sluice/timer.h"
#include "sync/channel_state.h"
#include "sync/select_rules.h"

namespace sluice::detail {

// Sebastiano Vigna's splitmix64: every state of the counter is good, so threads may share it.
std::uint64_t channel_core::waits::draw() noexcept {
  static std::atomic<std::uint64_t> drawn{0};
  // relaxed: it orders nothing.
  std::uint64_t z = drawn.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool channel_core::waits::has_passed(deadline when) noexcept {
  return !when.is_none() && time_point::clock::now() >= when.when();
}

result<std::size_t> channel_core::select(std::span<select_case* const> cases) noexcept {
  return basic_selection<waits>(cases).run();
}

}  // namespace sluice::detail

namespace sluice {

result<std::size_t> select(std::span<any_case> cases) {
  constexpr std::size_t few = 8;
  std::array<detail::select_case*, few> in_place{};
  std::vector<detail::select_case*> many(cases.size() > few ? cases.size() : 0);
  const std::span<detail::select_case*> erased =
      many.empty() ? std::span(in_place).first(cases.size()) : std::span(many);
  std::ranges::transform(cases, erased.begin(),
                         [](any_case& each) { return &each.boxed_->erased(); });
  const auto ran = detail::channel_core::select(erased);
  if (!ran) return ran;
  if (auto failed = cases[*ran].boxed_->finish()) return std::unexpected(*std::move(failed));
  return ran;
}

}  // namespace sluice
