// dump_linux_test.cc: backtraces with names, which libbacktrace reads from the program's file.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "sluice/debug.h"
#include "sluice/sync.h"
#include "testing/count_of.h"
#include "testing/net_fixture.h"

namespace sluice {
namespace {

using namespace testing;

class DumpCalls : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(DumpCalls);

[[gnu::noinline]] void waits_deep_inside(event& until, int levels) {
  if (levels > 0) {
    waits_deep_inside(until, levels - 1);
  } else {
    until.wait();
  }
  static std::atomic<int> left{0};  // keeps the call from being the last thing, a jump
  left.fetch_add(1);
}

TEST_P(DumpCalls, ShowsTheCallsThatAFiberIsIn) {
  on_fibers([] {
    event release;
    park_probe probe;
    fiber<> deep([&] {
      probe.enter();
      waits_deep_inside(release, 3);
    });
    probe.await(rt::wait_kind::event);
    const std::string without = debug::dump();
    const std::string text = debug::dump({.backtraces = true});
    EXPECT_EQ(without.find("waits_deep_inside"), without.npos);
    EXPECT_EQ(count_of(text, "waits_deep_inside"), 4U) << text;
    EXPECT_NE(text.find("event.cc:"), text.npos) << text;
    EXPECT_EQ(count_of(text, "park.cc"), 0U) << text;
    release.set();
    EXPECT_TRUE(deep.join());
  });
}

}  // namespace
}  // namespace sluice
