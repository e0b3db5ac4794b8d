// stream_test.cc: reading, writing and ending a connection.
#include "sluice/net/stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;
class Stream : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Stream);

TEST_P(Stream, WhatIsWrittenIsRead) {
  on_fibers([] {
    for (auto make : {tcp_pair, local_pair}) {
      connected pair = make();
      fiber echo([&] {
        while (auto chunk = pair.server.receive()) {
          if (!pair.server.write(*chunk)) return;
        }
      });
      for (const std::string text : {"a", "hello", "the end"}) {
        EXPECT_EQ(pair.client.write(text).value(), text.size());
        EXPECT_EQ(read_text(pair.client, text.size()), text);
      }
      EXPECT_TRUE(pair.client.close());
      EXPECT_TRUE(echo.join());
    }
  });
}

}  // namespace
}  // namespace sluice::net
