// accept_test.h: what the tests of waiting for connections have in common.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "testing/net_fixture.h"

namespace sluice::net {

using namespace testing;
using std::chrono::steady_clock;

class Accept : public net_fixture {
 protected:
  static deadline past() { return steady_clock::now() - 1s; }

  static listener listen_tcp() {
    auto made = listen(tcp, "127.0.0.1:0");
    EXPECT_TRUE(made) << made.error();
    return std::move(*made);
  }
};

}  // namespace sluice::net
