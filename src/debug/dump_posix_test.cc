// dump_posix_test.cc: what SIGQUIT does to a program that asked for it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "sched/monitor.h"
#include "sluice/channel.h"
#include "testing/count_of.h"
#include "testing/net_fixture.h"

namespace sluice {
namespace {

using namespace testing;

class DumpOnQuit : public with_processors {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(DumpOnQuit);

// Reads what is written to the standard error while it lives.
class captured_stderr {
 public:
  captured_stderr() { ::testing::internal::CaptureStderr(); }
  // How often it has said so by now. It goes into a file.
  static std::size_t times(std::string_view piece) {
    struct stat file = {};
    EXPECT_EQ(::fstat(STDERR_FILENO, &file), 0);
    std::string text(static_cast<std::size_t>(file.st_size), ' ');
    EXPECT_EQ(::pread(STDERR_FILENO, text.data(), text.size(), 0), file.st_size);
    return count_of(text, piece);
  }
  std::string end() { return ::testing::internal::GetCapturedStderr(); }
};

TEST_P(DumpOnQuit, PrintsAllFibersAndGoesOn) {
  run_options chosen = options();
  chosen.dump_on_quit = true;
  captured_stderr captured;
  run(
      [] {
        channel<int> never_used;
        park_probe probe;
        fiber waiter([&] {
          probe.enter();
          (void)never_used.receive();
        });
        probe.await(rt::wait_kind::receive);
        const auto quit_and_await = [](std::size_t dumps) {
          ::raise(SIGQUIT);
          while (captured_stderr::times(", spawned at ") < 2 * dumps) {
            std::this_thread::sleep_for(1ms);
          }
        };
        quit_and_await(1);  // the monitor is awake
        std::jthread asleep([&] {
          while (!rt::current_runtime()->watcher()->is_asleep()) std::this_thread::sleep_for(1ms);
          quit_and_await(2);
          never_used.close();
        });
        EXPECT_TRUE(waiter.join());
      },
      chosen);
  const std::string text = captured.end();
  const auto first = text.find("sluice: all fibers:\nfibers: 2,");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_NE(text.find("sluice: all fibers:\nfibers: 2,", first + 1), std::string::npos) << text;
  EXPECT_NE(text.find(": receive 0x"), std::string::npos) << text;
  // What the signal did before is restored.
  struct sigaction now = {};
  ASSERT_EQ(::sigaction(SIGQUIT, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace sluice
