// local_test.cc: what a Unix listener does with its path: its own it removes, a live one it leaves
// alone, a dead one it takes over.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class Local : public net_fixture {
 protected:
  void SetUp() override {
    net_fixture::SetUp();
    path_ = (fs::temp_directory_path() / (fresh_local_name().substr(1) + ".sock")).string();
  }
  void TearDown() override {
    fs::remove(path_);
    net_fixture::TearDown();
  }

  static void expect_round_trip(listener& at) {
    connected pair = connect_through(at, local);
    EXPECT_TRUE(pair.client.write("hello"));
    EXPECT_EQ(read_text(pair.server, 5), "hello");
  }

  std::string path_;
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Local);

TEST_P(Local, AListenerRemovesItsPathWhenItIsClosed) {
  on_fibers([this] {
    auto at = listen(local, path_);
    ASSERT_TRUE(at) << at.error();
    EXPECT_TRUE(fs::is_socket(path_));
    expect_round_trip(*at);
    EXPECT_TRUE(at->close());
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(dial(local, path_).error(), std::errc::no_such_file_or_directory);
  });
}

TEST_P(Local, AFileThatTookItsPlaceStays) {
  on_fibers([this] {
    auto at = listen(local, path_);
    ASSERT_TRUE(at) << at.error();
    fs::remove(path_);
    std::ofstream(path_) << "somebody else's";
    EXPECT_TRUE(at->close());
    EXPECT_TRUE(fs::is_regular_file(path_));
  });
}

TEST_P(Local, ALivePathIsNotStolen) {
  on_fibers([this] {
    auto first = listen(local, path_);
    ASSERT_TRUE(first) << first.error();
    const auto second = listen(local, path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), std::errc::address_in_use);
    EXPECT_NE(second.error().message().find("listen local " + path_), std::string::npos)
        << second.error();
    EXPECT_TRUE(first->accept()) << "the question whether it lives is a connection";
    expect_round_trip(*first);
  });
}

TEST_P(Local, ADeadPathIsTakenOver) {
  on_fibers([this] {
    {
      auto dead = listen(local, path_);
      ASSERT_TRUE(dead) << dead.error();
      fs::rename(path_, path_ + ".kept");
      EXPECT_TRUE(dead->close());
      fs::rename(path_ + ".kept", path_);
    }
    EXPECT_EQ(dial(local, path_).error(), std::errc::connection_refused);
    auto at = listen(local, path_);
    ASSERT_TRUE(at) << at.error();
    expect_round_trip(*at);
  });
}

TEST_P(Local, AFileThatIsNoSocketIsNotTakenOver) {
  on_fibers([this] {
    std::ofstream(path_) << "precious";
    const auto at = listen(local, path_);
    ASSERT_FALSE(at);
    EXPECT_EQ(at.error(), std::errc::address_in_use);
    EXPECT_EQ(fs::file_size(path_), 8U);
  });
}

TEST_P(Local, AnAbstractNameIsFreeOnceItIsClosed) {
  on_fibers([] {
    const std::string name = fresh_local_name();
    auto first = listen(local, name);
    ASSERT_TRUE(first) << first.error();
    EXPECT_EQ(listen(local, name).error(), std::errc::address_in_use);
    expect_round_trip(*first);
    EXPECT_TRUE(first->close());
    auto second = listen(local, name);
    ASSERT_TRUE(second) << second.error();
    expect_round_trip(*second);
  });
}

}  // namespace
}  // namespace sluice::net
