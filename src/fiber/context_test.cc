// context_test.cc: what survives a switch, and what a stack can be used for.
#include "fiber/context.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fiber/hand_fiber.h"

namespace sluice::rt {
namespace {

stack_pool& pool() {
  static stack_pool shared({.control_size = 256});
  return shared;
}

TEST(Context, TwoSidesTakeTurns) {
  std::string said;
  hand_fiber fiber(pool(), [&](hand_fiber& self) {
    for (int round = 0; round < 3; ++round) {
      said += 'f';
      self.park();
    }
  });
  for (int round = 0; round < 3; ++round) {
    fiber.resume();
    said += 'h';
  }
  EXPECT_EQ(said, "fhfhfh");
  EXPECT_FALSE(fiber.done());
  fiber.resume();
  EXPECT_TRUE(fiber.done());
}

TEST(Context, AFiberFindsItsArgumentAndAnAlignedStack) {
  bool aligned = false;
  void* local = nullptr;
  hand_fiber fiber(pool(), [&](hand_fiber&) {
    alignas(16) volatile char probe[16] = {};
    local = const_cast<char*>(&probe[0]);
    aligned = reinterpret_cast<std::uintptr_t>(local) % 16 == 0;
  });
  fiber.resume();
  EXPECT_TRUE(aligned);
#if !defined(__SANITIZE_ADDRESS__)
  if (!sanitizers_active()) {
    EXPECT_GE(local, fiber.slot().stack_bottom);
    EXPECT_LT(local, fiber.slot().stack_top);
  }
#endif
}

[[gnu::noinline]] std::uint64_t sum_down(std::uint64_t depth, hand_fiber& self) {
  volatile std::uint64_t kept[8] = {depth};
  if (depth == 0) {
    self.park();
    return 0;
  }
  const std::uint64_t below = sum_down(depth - 1, self);
  return below + kept[0];
}

TEST(Context, DeepRecursionSurvivesAParkAtItsEnd) {
  constexpr std::uint64_t depth = 5000;
  std::uint64_t sum = 0;
  hand_fiber fiber(
      pool(), [&](hand_fiber& self) { sum = sum_down(depth, self); }, std::size_t{8} << 20);
  fiber.resume();
  EXPECT_EQ(sum, 0U);
  fiber.resume();
  EXPECT_EQ(sum, depth * (depth + 1) / 2);
}

// More live values than registers, of every kind, through switches whose other side overwrites all
// it may. The values come from a volatile, so none can be recomputed.
template <class Value, class Pause>
[[gnu::noinline]] Value churn(volatile Value* seed, Pause pause) {
  Value a = seed[0], b = seed[1], c = seed[2], d = seed[3], e = seed[4], f = seed[5], g = seed[6],
        h = seed[7], i = seed[8], j = seed[9], k = seed[10], l = seed[11], m = seed[12],
        n = seed[13], o = seed[14], p = seed[15], q = seed[16], r = seed[17];
  for (int round = 0; round < 12; ++round) {  // few enough for sums of floats to stay exact
    pause();
    a += b, b += c, c += d, d += e, e += f, f += g, g += h, h += i, i += j, j += k, k += l, l += m,
        m += n, n += o, o += p, p += q, q += r, r += a;
  }
  return static_cast<Value>(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q + r);
}

template <class Value>
struct seeds {
  explicit seeds(std::size_t factor) {
    for (std::size_t at = 0; at < of.size(); ++at) of[at] = static_cast<Value>(factor * at + 1);
  }
  [[nodiscard]] Value expected() {
    return churn(of.data(), [] {});
  }
  std::array<volatile Value, 18> of;
};

template <class Value>
void expect_live_values_to_survive() {
  seeds<Value> mine(1);
  seeds<Value> other(100);
  Value got_mine{};
  Value got_other{};
  hand_fiber first(
      pool(), [&](hand_fiber& self) { got_mine = churn(mine.of.data(), [&] { self.park(); }); });
  hand_fiber second(
      pool(), [&](hand_fiber& self) { got_other = churn(other.of.data(), [&] { self.park(); }); });
  while (!first.done() || !second.done()) {
    if (!first.done()) first.resume();
    if (!second.done()) second.resume();
  }
  EXPECT_EQ(got_mine, mine.expected());
  EXPECT_EQ(got_other, other.expected());
}

TEST(Context, LiveValuesOfEveryKindSurvive) {
  expect_live_values_to_survive<std::uint64_t>();
  expect_live_values_to_survive<std::uint8_t>();
  expect_live_values_to_survive<float>();
  expect_live_values_to_survive<double>();
  expect_live_values_to_survive<long double>();
}

// The bare switch in a loop: inlined into the functions below, so that the values around it are
// their own, and a leaf's red zone lies below its stack pointer. No sanitizer is told.
struct bare_fiber {
  explicit bare_fiber(entry_function entry) {
    make_context(fiber, memory->data() + memory->size(), entry, this);
  }
  context host;
  context fiber;
  std::unique_ptr<std::array<std::max_align_t, 4096>> memory =
      std::make_unique<std::array<std::max_align_t, 4096>>();
};

template <class Value>
void churn_for_ever(void* argument, void*) {
  auto& both = *static_cast<bare_fiber*>(argument);
  seeds<Value> other(100);
  for (;;) churn(other.of.data(), [&] { switch_context(both.fiber, both.host); });
}

template <class Value>
void expect_live_values_to_survive_inlined() {
  seeds<Value> mine(1);
  bare_fiber both(churn_for_ever<Value>);
  const Value got = churn(mine.of.data(), [&] { switch_context(both.host, both.fiber); });
  EXPECT_EQ(got, mine.expected());
}

TEST(Context, LiveValuesSurviveASwitchThatIsInlinedAmongThem) {
  if (sanitizers_active()) GTEST_SKIP() << "a bare switch, which no sanitizer is told of";
  expect_live_values_to_survive_inlined<std::uint64_t>();
  expect_live_values_to_survive_inlined<float>();
  expect_live_values_to_survive_inlined<double>();
  expect_live_values_to_survive_inlined<long double>();
}

void bounce(void* argument, void*) {
  auto& both = *static_cast<bare_fiber*>(argument);
  for (;;) switch_context(both.fiber, both.host);
}

[[gnu::noinline]] std::uint64_t leaf_with_locals(bare_fiber& both, const volatile char* text) {
  // Small arrays of a leaf function are what compilers put into the red zone.
  volatile std::uint64_t kept[12];
  for (std::uint64_t at = 0; at < 12; ++at) kept[at] = at * 3 + static_cast<unsigned char>(text[0]);
  std::uint64_t sum = 0;
  for (int round = 0; round < 100; ++round) {
    switch_context(both.host, both.fiber);
    sum += kept[static_cast<std::size_t>(round % 12)];
  }
  return sum;
}

TEST(Context, ALeafFunctionKeepsItsRedZone) {
  if (sanitizers_active()) GTEST_SKIP() << "a bare switch, which no sanitizer is told of";
  bare_fiber both(bounce);
  std::uint64_t expected = 0;
  for (std::uint64_t round = 0; round < 100; ++round) expected += round % 12 * 3 + 'x';
  EXPECT_EQ(leaf_with_locals(both, "x"), expected);
}

// Sends back one more than what it was sent.
void count_up(void* argument, void* message) {
  auto& both = *static_cast<bare_fiber*>(argument);
  for (;;) {
    auto* const number = static_cast<std::uint64_t*>(message);
    message = switch_context(both.fiber, both.host, number + 1);
  }
}

TEST(Context, EachSwitchCarriesItsMessage) {
  if (sanitizers_active()) GTEST_SKIP() << "a bare switch, which no sanitizer is told of";
  bare_fiber both(count_up);
  std::array<std::uint64_t, 10> numbers{};
  void* at = numbers.data();
  for (int round = 0; round < 9; ++round) at = switch_context(both.host, both.fiber, at);
  EXPECT_EQ(at, &numbers[9]);
}

TEST(Context, AFiberGoesOnOnAnotherThread) {
  std::vector<std::thread::id> seen;
  hand_fiber fiber(pool(), [&](hand_fiber& self) {
    for (int round = 0; round < 3; ++round) self.park();
  });
  while (!fiber.done()) {
    std::thread carrier([&] {
      fiber.resume();
      seen.push_back(std::this_thread::get_id());
    });
    carrier.join();
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(Context, AThousandFibersKeepTheirOwnLocals) {
  std::vector<std::unique_ptr<hand_fiber>> fibers;
  std::uint64_t sum = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    fibers.push_back(std::make_unique<hand_fiber>(pool(), [&sum, number](hand_fiber& self) {
      const std::string mine = std::to_string(number) + std::string(40, 'x');
      self.park();
      sum += std::stoull(mine);
    }));
  }
  for (auto& fiber : fibers) fiber->resume();
  EXPECT_EQ(sum, 0U);
  for (auto& fiber : fibers) fiber->resume();
  EXPECT_EQ(sum, 999U * 1000 / 2);
}

}  // namespace
}  // namespace sluice::rt
