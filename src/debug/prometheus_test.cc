#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

#include "debug/prometheus_parser_test.h"
#include "sluice/fiber.h"
#include "sluice/metrics.h"
#include "sluice/sync.h"
#include "testing/with_processors.h"

namespace sluice::debug {
namespace {

using namespace std::chrono_literals;
using testing::labels;
using testing::prometheus_page;

class Prometheus : public testing::with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Prometheus);

TEST_P(Prometheus, APageOfALiveRuntimeIsWellFormedAndSaysWhatTheFiguresSay) {
  run(
      [] {
        event release;
        fiber waiter([&] { release.wait(); });
        for (int i = 0; i < 10; ++i) (void)sleep_for(1us);
        const runtime_metrics now = metrics();
        const prometheus_page page(prometheus_text(now));
        EXPECT_EQ(page.value("sluice_processors"), std::to_string(now.processors));
        EXPECT_EQ(page.value("sluice_spawned_total"), "2");
        EXPECT_EQ(page.value("sluice_parks_total"), std::to_string(now.parks));
        EXPECT_EQ(page.value("sluice_poller_info", {{"poller", std::string(now.poller)}}), "1");
        EXPECT_EQ(page.value("sluice_fibers", {{"state", "running"}}),
                  std::to_string(now.by_fiber->running));
        for (const waiting_fibers& each : now.by_fiber->waiting) {
          const labels of{{"state", "waiting"}, {"wait", std::string(each.what)}};
          EXPECT_EQ(page.value("sluice_fibers", of), std::to_string(each.fibers));
        }
        for (const spawn_place& each : now.by_fiber->places) {
          const labels of{{"place", each.file + ':' + std::to_string(each.line)}};
          EXPECT_EQ(page.value("sluice_place_fibers", of), std::to_string(each.fibers));
        }
        EXPECT_EQ(page.value("sluice_timer_lateness_seconds_count"),
                  std::to_string(now.timer_lateness.count()));
        release.set();
        EXPECT_TRUE(waiter.join());
      },
      options());
}

TEST(Prometheus, APageWithoutARuntimeIsWellFormed) {
  const prometheus_page page(prometheus_text(metrics()));
  EXPECT_EQ(page.value("sluice_processors"), "0");
  EXPECT_FALSE(page.families().contains("sluice_fibers"));
  std::ostringstream out;
  write_prometheus(out, metrics());
  EXPECT_EQ(out.str(), prometheus_text(metrics()));
}

TEST(Prometheus, TimesAreExactSecondsAndBucketsAddUp) {
  runtime_metrics figures;
  time_histogram& times = figures.queue_delay;
  times.counts[0] = 3;
  times.counts[2] = 4;
  times.counts[time_histogram::buckets - 1] = 5;
  times.sum = std::chrono::nanoseconds(12'000'000'034);
  const prometheus_page page(prometheus_text(figures));
  const auto bucket = [&](const char* limit) {
    return page.value("sluice_queue_delay_seconds_bucket", {{"le", limit}});
  };
  EXPECT_EQ(bucket("0.000000256"), "3");
  EXPECT_EQ(bucket("0.000000512"), "3");
  EXPECT_EQ(bucket("0.000001024"), "7");
  EXPECT_EQ(bucket("1.073741824"), "7");
  EXPECT_EQ(bucket("8.589934592"), "7");
  EXPECT_EQ(bucket("+Inf"), "12");
  EXPECT_EQ(page.value("sluice_queue_delay_seconds_sum"), "12.000000034");
  EXPECT_EQ(page.value("sluice_queue_delay_seconds_count"), "12");
}

TEST(Prometheus, OddPathsComeBackAsTheyWere) {
  runtime_metrics figures;
  fiber_metrics& fibers = figures.by_fiber.emplace();
  for (const char* file :
       {"C:\\new\\\"a\".cc", "one\ntwo.cc", "", "a{b=\"c\"} 1.cc", "\u00fc.cc", "# HELP me.cc"}) {
    fibers.places.push_back({file, 7, 1, 100, 200});
  }
  fibers.places.push_back({"\xfc.cc", 7, 2, 0, 0});
  const prometheus_page page(prometheus_text(figures));
  for (const spawn_place& each : fibers.places) {
    const std::string file = each.file == "\xfc.cc" ? "\ufffd.cc" : each.file;
    EXPECT_EQ(page.value("sluice_place_fibers", {{"place", file + ":7"}}),
              std::to_string(each.fibers));
  }
}

TEST(PrometheusParser, RefusesWhatIsWrong) {
  const std::string head = "# HELP a It.\n# TYPE a gauge\n";
  EXPECT_NO_THROW(prometheus_page(head + "a 1\na{b=\"c\",d=\"\"} 2.5\n"));
  for (const char* wrong :
       {"a 1", "a 1\n\n", "a\n", "a  1\n", "a -\n", "a 1 \n", "a 1\r\n", "b 1\n", "a 1\na 1\n",
        "a{} 1\n", "a{b=\"c} 1\n", "a{b=\"c\"x} 1\n", "a{b=\"\\t\"} 1\n", "a{b=\"c\",b=\"d\"} 1\n",
        "1a 1\n", "# HELP a It.\n", "# TYPE a gauge\n", "a_total 1\n"}) {
    EXPECT_THROW(prometheus_page(head + wrong), std::runtime_error) << wrong;
  }
  EXPECT_THROW(prometheus_page("# HELP a It.\n# TYPE a counter\na 1\n"), std::runtime_error);
  const std::string histogram = "# HELP a It.\n# TYPE a histogram\n";
  EXPECT_NO_THROW(prometheus_page(
      histogram + "a_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n"));
  for (const char* wrong :
       {"a_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 3\n", "a_bucket{le=\"+Inf\"} 2\na_count 2\n",
        "a_bucket{le=\"1\"} 2\na_sum 3\na_count 2\n",
        "a_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n"}) {
    EXPECT_THROW(prometheus_page(histogram + wrong), std::runtime_error) << wrong;
  }
  const std::string falls = "a_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\n";
  EXPECT_THROW(prometheus_page(histogram + falls + "a_sum 3\na_count 2\n"), std::runtime_error);
}

}  // namespace
}  // namespace sluice::debug
