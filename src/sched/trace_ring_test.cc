#include "sched/trace_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "testing/scale.h"

namespace sluice::rt {
namespace {

trace_event numbered(std::uint64_t number) {
  return {.ticks = number,
          .fiber = number * 3,
          .other = ~number,
          .amount = static_cast<std::uint16_t>(number),
          .kind = trace_kind::steal,
          .detail = static_cast<std::uint8_t>(number)};
}

bool is_whole(const trace_event& event) {
  const trace_event expected = numbered(event.ticks);
  return event.fiber == expected.fiber && event.other == expected.other &&
         event.amount == expected.amount && event.kind == expected.kind &&
         event.detail == expected.detail;
}

TEST(TraceRing, KeepsTheLastEventsInTheirOrder) {
  trace_ring ring(8);
  std::vector<trace_event> found;
  EXPECT_EQ(ring.read(found), 0U);
  EXPECT_TRUE(found.empty());
  for (std::uint64_t i = 0; i < 5; ++i) ring.add(numbered(i));
  EXPECT_EQ(ring.read(found), 0U);
  EXPECT_EQ(found.size(), 5U);
  for (std::uint64_t i = 5; i < 20; ++i) ring.add(numbered(i));
  found.clear();
  EXPECT_EQ(ring.read(found), 12U);
  ASSERT_EQ(found.size(), 8U);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].ticks, 12 + i);
    EXPECT_TRUE(is_whole(found[i]));
  }
}

// What is read meanwhile is whole, and in order. Two writers share a ring that is large beside what
// either can write while the other stands still.
TEST(TraceRing, WhatIsReadMeanwhileIsWhole) {
  const auto count = static_cast<std::uint64_t>(scaled(200'000));
  trace_ring alone(64);
  trace_ring shared(1 << 18);
  std::atomic<std::uint64_t> number{0};
  std::atomic<int> writers{3};
  std::jthread single([&] {
    for (std::uint64_t i = 0; i < count; ++i) alone.add(numbered(i));
    writers.fetch_sub(1);
  });
  const auto write_shared = [&] {
    for (std::uint64_t i = 0; i < count / 4; ++i) shared.add_shared(numbered(number.fetch_add(1)));
    writers.fetch_sub(1);
  };
  std::jthread first(write_shared);
  std::jthread second(write_shared);
  do {
    for (const trace_ring* ring : {&alone, &shared}) {
      std::vector<trace_event> found;
      (void)ring->read(found);
      std::uint64_t last = 0;
      for (const trace_event& each : found) {
        ASSERT_TRUE(is_whole(each));
        if (ring == &alone) {
          ASSERT_GE(each.ticks, last);
          last = each.ticks;
        }
      }
    }
  } while (writers.load() != 0);
  std::vector<trace_event> all;
  EXPECT_EQ(shared.read(all), 0U);
  EXPECT_EQ(all.size(), count / 4 * 2);
}

}  // namespace
}  // namespace sluice::rt
