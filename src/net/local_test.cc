// local_test.cc: what a Unix listener does with its path: its own it removes, a live one it leaves
// alone, a dead one it takes over.
#include "net/local_test.h"

#include <filesystem>
#include <fstream>

#include "os/socket.h"

namespace sluice::net {
namespace {

SLUICE_INSTANTIATE_WITH_PROCESSORS(Local);

TEST_P(Local, AListenerRemovesItsPathWhenItIsClosed) {
  on_fibers([this] {
    auto at = listen(local, path_);
    ASSERT_TRUE(at) << at.error();
    EXPECT_TRUE(os::identify_file(path_).value().is_socket);
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

TEST_P(Local, ASocketThatIsNotThereIsNamed) {
  on_fibers([] {
    EXPECT_EQ(dial(local, "/no/such/socket").error().message(),
              "dial local /no/such/socket: no such file or directory");
  });
}

}  // namespace
}  // namespace sluice::net
