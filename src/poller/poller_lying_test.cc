#include "poller/poller_lying.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "poller/poller_fake.h"

namespace sluice::rt {
namespace {

// Nothing was added, so it has nothing to make reports up from: all it says has been scripted.
TEST(PollerLyingTest, LosesNoReportAndInventsNoReadiness) {
  constexpr std::uint32_t uses = 3 * report_list::capacity;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto fake = std::make_unique<poller_fake>();
    poller_fake& script = *fake;
    poller_lying liar(std::move(fake), seed);
    std::vector<unsigned> wanted(uses);
    std::vector<unsigned> told(uses);
    for (std::uint32_t i = 0; i < uses; ++i) {
      wanted[i] = i % 3 + 1;  // read, write, both
      script.script({i, i, static_cast<std::uint8_t>(wanted[i])});
    }
    for (int waits = 0; waits < 20; ++waits) {
      report_list reports;
      liar.wait(poll_without_blocking, reports);
      for (const report& item : reports) told[item.desc] |= item.what;
    }
    EXPECT_EQ(told, wanted) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::rt
