#include "poller/poller_backends.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "testing/system_manners.h"

namespace sluice::rt {
namespace {

// SLUICE_POLLER has a value, or none, as long as this lives.
class poller_variable {
 public:
  explicit poller_variable(const char* value) {
    if (const char* const now = std::getenv("SLUICE_POLLER")) before_ = now;
    set(value);
  }
  ~poller_variable() { set(before_ ? before_->c_str() : nullptr); }
  poller_variable(const poller_variable&) = delete;
  poller_variable& operator=(const poller_variable&) = delete;

 private:
  static void set(const char* value) { testing::set_environment("SLUICE_POLLER", value); }
  std::optional<std::string> before_;
};

TEST(PollerBackends, TheDefaultIsTheFirst) {
  for (const char* const value : {static_cast<const char*>(nullptr), ""}) {
    const poller_variable unset(value);
    EXPECT_EQ(choose_poller().name, poller_backends().front().name);
  }
}

TEST(PollerBackends, EachCanBeNamed) {
  for (const poller_backend& each : poller_backends()) {
    if (!each.make()) {
      std::printf("the system refuses %s\n", std::string(each.name).c_str());
      continue;
    }
    const poller_variable named(std::string(each.name).c_str());
    EXPECT_EQ(choose_poller().name, each.name);
  }
}

TEST(PollerBackends, AnUnknownOneIsAnErrorThatNamesThoseThereAre) {
  for (const char* const unknown : {"select", "Epoll", "kqueue ", "no such thing"}) {
    const poller_variable named(unknown);
    try {
      static_cast<void>(choose_poller());
      ADD_FAILURE() << unknown;
    } catch (const std::invalid_argument& failure) {
      const std::string text = failure.what();
      EXPECT_NE(text.find("SLUICE_POLLER=" + std::string(unknown)), text.npos) << text;
      EXPECT_NE(text.find(poller_backends().front().name), text.npos) << text;
    }
  }
}

TEST(PollerBackends, OneThatTheSystemRefusesIsReplacedByTheDefault) {
  static constexpr poller_backend refused[] = {{"refused", []() -> result<std::unique_ptr<poller>> {
                                                  return std::unexpected(
                                                      error(std::errc::operation_not_permitted));
                                                }}};
  const auto before = std::exchange(test_pollers, refused);
  {
    const poller_variable named("refused");
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(choose_poller().name, poller_backends().front().name);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "sluice: the system refuses refused (operation not permitted); " +
                  std::string(poller_backends().front().name) + " is used\n");
  }
  test_pollers = before;
}

}  // namespace
}  // namespace sluice::rt
