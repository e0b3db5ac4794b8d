// local_linux_test.cc: names of Unix sockets that are no files.
#include "net/local_test.h"

namespace sluice::net {
namespace {

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

TEST_P(Local, AnAbstractNameThatNobodyHasIsRefusedAndNamed) {
  on_fibers([] {
    const std::string name = fresh_local_name();
    EXPECT_EQ(dial(local, name).error().message(), "dial local " + name + ": connection refused");
  });
}

}  // namespace
}  // namespace sluice::net
