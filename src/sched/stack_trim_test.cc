// stack_trim_test.cc: a fiber that was deep in calls once does not keep that memory while it waits.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>

#include "sched/control_block.h"
#include "sched/park.h"
#include "sched/runtime.h"
#include "sluice/fiber.h"
#include "sluice/run.h"
#include "testing/process.h"
#include "testing/with_processors.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

class StackTrim : public testing::with_processors {
 protected:
  void TearDown() override { rt::switched = {}; }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(StackTrim);

constexpr std::size_t deep_pages = 16;

// Pages of the calling fiber's stack that have memory.
std::size_t resident_pages() {
  const rt::control_block& self = *rt::this_fiber_or_null();
  return testing::resident_pages(self.stack_bottom, self.stack_bytes);
}

// On a slow machine the time may be over before the sleep begins, and nothing parks.
void park_once() {
  const rt::park_word& word = rt::this_fiber_or_null()->word;
  for (const auto before = word.epoch(); word.epoch() == before;) EXPECT_TRUE(sleep_for(1ms));
}

// Writes to `deep_pages` pages of stack, and leaves them.
[[gnu::noinline]] void go_deep() {
  std::array<volatile std::uint8_t, deep_pages * 4096> room;
  for (std::size_t i = 0; i < room.size(); i += 512) room[i] = 1;
}

// Parks below a large frame; what the frame holds must still be there afterwards.
[[gnu::noinline]] std::size_t mistakes_after_a_deep_park() {
  std::array<volatile std::uint8_t, deep_pages * 4096> kept;
  for (std::size_t i = 0; i < kept.size(); ++i)
    kept[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  go_deep();
  park_once();
  park_once();
  std::size_t mistakes = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != static_cast<std::uint8_t>(i * 7 + i / 256)) ++mistakes;
  }
  return mistakes;
}

TEST_P(StackTrim, WhatADeepCallLeftIsGivenBackAtALaterPark) {
  rt::switched.trim_interval = 0;
  run(
      [&] {
        park_once();  // the first one never trims
        const std::size_t shallow = resident_pages();
        go_deep();
        EXPECT_GE(resident_pages(), deep_pages);
        park_once();
        EXPECT_LE(resident_pages(), shallow + 2);
      },
      options());
}

TEST_P(StackTrim, NotBeforeTheIntervalIsOver) {
  rt::switched.trim_interval = std::numeric_limits<std::int64_t>::max();
  run(
      [&] {
        go_deep();
        park_once();
        park_once();
        EXPECT_GE(resident_pages(), deep_pages);
      },
      options());
}

TEST_P(StackTrim, FramesInUseAreKept) {
  rt::switched.trim_interval = 0;
  run([&] { EXPECT_EQ(mistakes_after_a_deep_park(), 0U); }, options());
}

}  // namespace
}  // namespace sluice
