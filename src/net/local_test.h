// local_test.h: what the tests of Unix listeners have in common.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "testing/net_fixture.h"

namespace sluice::net {

using namespace testing;
namespace fs = std::filesystem;

class Local : public net_fixture {
 protected:
  void SetUp() override {
    net_fixture::SetUp();
    path_ = fresh_local_path();
    SLUICE_NEEDS_LOCAL_SOCKETS();
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

}  // namespace sluice::net
