// dial_test.cc: connecting, and every way in which it fails.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/error_of.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"
#include "testing/system_manners.h"

namespace sluice::net {
namespace {

using namespace testing;
using std::chrono::steady_clock;

constexpr char refuses[] = "SKIPPED: this system refuses what a full backlog has no room for";

class Dial : public net_fixture {
 protected:
  // An address where nobody listens: somebody just did.
  static std::string closed_port() {
    auto listener = listen(tcp, "127.0.0.1:0");
    return listener->local_address().to_string();
  }

  // A listener with no room for another connection.
  struct full_listener {
    listener from;
    std::vector<raw_socket> waiting;
  };
  static full_listener full(network kind) {
    const std::string where = kind == tcp ? "127.0.0.1:0" : fresh_local_name();
    full_listener made{listen(kind, where, {.backlog = 1}).value(), {}};
    for (;;) {
      made.waiting.push_back(raw_socket::begin_connect(made.from.local_address()));
      // Loopback answers within the call, or not before somebody accepts.
      if (!made.waiting.back().is_connected()) return made;
    }
  }
};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Dial);

TEST_P(Dial, AClosedPortIsRefusedAtOnceAndNamed) {
  on_fibers([] {
    const std::string where = closed_port();
    const auto conn = dial(tcp, where);
    ASSERT_FALSE(conn);
    EXPECT_EQ(conn.error(), std::errc::connection_refused);
    EXPECT_EQ(conn.error().message(), "dial tcp " + where + ": connection refused");
    EXPECT_EQ(conn.error().operation(), "dial tcp");
    EXPECT_EQ(conn.error().object(), where);
  });
}

TEST_P(Dial, ABadAddressIsSaidToBeOne) {
  on_fibers([] {
    EXPECT_EQ(dial(tcp, "127.0.0.1").error(), errc::invalid_address);
    EXPECT_EQ(dial(tcp, "1.2.3:80").error().message(), "dial tcp 1.2.3:80: invalid address");
    EXPECT_EQ(dial(tcp4, "[::1]:80").error(), errc::invalid_address);
    const auto name = dial(tcp, "example.com:80");
    EXPECT_EQ(name.error(), errc::name_lookup);
    EXPECT_TRUE(name.error().message().starts_with("dial tcp example.com:80: host names cannot"));
  });
}

TEST_P(Dial, AListenerThatCannotBeHadNamesItsAddress) {
  on_fibers([] {
    const auto first = listen(tcp, "127.0.0.1:0");
    const std::string taken = first->local_address().to_string();
    EXPECT_EQ(error_of(listen(tcp, taken)).message(),
              "listen tcp " + taken + ": address already in use");
    EXPECT_EQ(error_of(listen(tcp, taken)), std::errc::address_in_use);
    EXPECT_EQ(error_of(listen(tcp, "127.0.0.1")).message(),
              "listen tcp 127.0.0.1: " + error_of(dial(tcp, "127.0.0.1")).code().message());
    EXPECT_EQ(error_of(listen(tcp, "1.2.3:80")).message(), "listen tcp 1.2.3:80: invalid address");
    EXPECT_EQ(error_of(listen(tcp, "192.0.2.1:80")).message(),
              "listen tcp 192.0.2.1:80: cannot assign requested address");
  });
}

TEST_P(Dial, LocalhostFindsAListenerOfEitherVersion) {
  on_fibers([] {
    for (const char* host : {"127.0.0.1:0", "[::1]:0"}) {
      auto listener = listen(tcp, host);
      if (!listener && listener.error() == std::errc::address_not_available) continue;
      ASSERT_TRUE(listener) << listener.error();
      const std::string where = "localhost:" + std::to_string(listener->local_address().port());
      EXPECT_TRUE(dial(tcp, where)) << host;
    }
  });
}

TEST_P(Dial, ADeadlineInThePastFailsAtOnce) {
  on_fibers([] {
    auto listener = listen(tcp, "127.0.0.1:0");
    const std::string where = listener->local_address().to_string();
    const auto conn = dial(tcp, where, {.deadline = steady_clock::now() - 1s});
    ASSERT_FALSE(conn);
    EXPECT_EQ(conn.error(), errc::deadline_exceeded);
    EXPECT_EQ(conn.error().message(), "dial tcp " + where + ": deadline exceeded");
  });
}

TEST_P(Dial, ADeadlineEndsTheWaitForAFullBacklog) {
  if (!full_backlog_waits()) GTEST_SKIP() << refuses;
  on_fibers([] {
    for (const network kind : each_network()) {
      full_listener busy = full(kind);
      const std::string where = busy.from.local_address().to_string();
      const auto begin = steady_clock::now();
      const auto conn = dial(kind, where, {.deadline = begin + 30ms});
      ASSERT_FALSE(conn);
      EXPECT_EQ(conn.error(), errc::deadline_exceeded) << conn.error();
      EXPECT_GE(steady_clock::now(), begin + 30ms);
    }
  });
}

TEST_P(Dial, ARequestToStopEndsTheWaitForAFullBacklog) {
  if (!full_backlog_waits()) GTEST_SKIP() << refuses;
  on_fibers([] {
    for (const network kind : each_network()) {
      full_listener busy = full(kind);
      const std::string where = busy.from.local_address().to_string();
      park_probe probe;
      fiber dialer([&] {
        probe.enter();
        EXPECT_EQ(dial(kind, where).error(), errc::operation_canceled);
        EXPECT_EQ(dial(kind, where).error(), errc::operation_canceled) << "without trying";
      });
      probe.await(rt::wait_kind::dial);
      dialer.request_stop();
      EXPECT_TRUE(dialer.join());
    }
  });
}

TEST_P(Dial, WaitsUntilAFullBacklogHasRoom) {
  if (!full_backlog_waits()) GTEST_SKIP() << refuses;
  on_fibers([] {
    for (const network kind : each_network()) {
      full_listener busy = full(kind);
      const std::string where = busy.from.local_address().to_string();
      park_probe probe;
      fiber dialer([&] {
        probe.enter();
        auto conn = dial(kind, where);
        ASSERT_TRUE(conn) << conn.error();
        EXPECT_TRUE(conn->write("in"));
      });
      probe.await(rt::wait_kind::dial);
      // The connection of the dialer is the one that brings data.
      std::atomic<bool> served{false};
      fiber server([&] {
        while (auto conn = busy.from.accept()) {
          go(
              [&](stream own) {
                const auto chunk = own.receive();
                if (chunk) served.store(chunk->text() == "in");
              },
              std::move(*conn));
        }
      });
      EXPECT_TRUE(dialer.join());
      while (!served.load()) yield();
      EXPECT_TRUE(busy.from.close());
      busy.waiting.clear();
      EXPECT_TRUE(server.join());
    }
  });
}

TEST_P(Dial, ManyAtOnceAllArrive) {
  const std::int64_t count = scaled(400);
  on_fibers([count] {
    auto listener = listen(tcp, "127.0.0.1:0");
    const std::string where = listener->local_address().to_string();
    std::atomic<std::int64_t> served{0};
    fiber server([&] {
      while (auto conn = listener->accept()) {
        go(
            [&](stream own) {
              while (auto chunk = own.receive()) {
                if (!own.write(*chunk)) return;
              }
              served.fetch_add(1);
            },
            std::move(*conn));
      }
    });
    std::vector<fiber<>> dialers;
    for (std::int64_t i = 0; i < count; ++i) {
      dialers.emplace_back([&, i] {
        auto conn = dial(tcp, where);
        ASSERT_TRUE(conn) << conn.error();
        const std::string text = "from " + std::to_string(i);
        ASSERT_TRUE(conn->write(text));
        EXPECT_EQ(read_text(*conn, text.size()), text);
      });
    }
    for (auto& dialer : dialers) EXPECT_TRUE(dialer.join());
    while (served.load() != count) yield();
    EXPECT_TRUE(listener->close());
    EXPECT_TRUE(server.join());
  });
}

}  // namespace
}  // namespace sluice::net
