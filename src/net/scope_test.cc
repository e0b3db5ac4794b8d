// scope_test.cc: what the scopes of sluice/scope.h do to calls on the network.
#include "sluice/scope.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "sluice/buffered.h"
#include "sluice/task_group.h"
#include "testing/net_fixture.h"

namespace sluice::net {
namespace {

using namespace testing;

class NetScope : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(NetScope);

// A connection on which nothing comes, and nothing fits any more.
struct stuck {
  stuck() : pair(tcp_pair()), silent(net::listen(net::tcp, "127.0.0.1:0").value()) {
    const std::string block(1 << 16, 'f');
    EXPECT_TRUE(pair.client.set_write_deadline(deadline::in(20ms)));
    while (pair.client.write(block)) {
    }
    EXPECT_TRUE(pair.client.set_write_deadline(deadline::none()));
  }

  connected pair;
  listener silent;
};

struct network_call {
  const char* name;
  rt::wait_kind kind;
  std::function<std::optional<error>(stuck&)> call;
};

template <class T>
std::optional<error> error_of(const result<T>& got) {
  if (got) return std::nullopt;
  return got.error();
}

const std::vector<network_call>& network_calls() {
  using rt::wait_kind;
  static const std::vector<network_call> calls = {
      {"read", wait_kind::read,
       [](stuck& on) {
         std::byte got{};
         return error_of(on.pair.client.read({&got, 1}));
       }},
      {"receive", wait_kind::read, [](stuck& on) { return error_of(on.pair.client.receive()); }},
      {"write", wait_kind::write,
       [](stuck& on) { return error_of(on.pair.client.write(std::string(1 << 20, 'x'))); }},
      {"accept", wait_kind::accept, [](stuck& on) { return error_of(on.silent.accept()); }},
  };
  return calls;
}

TEST_P(NetScope, ADeadlineEndsEveryWait) {
  on_fibers([] {
    stuck on;
    for (const network_call& each : network_calls()) {
      for (const auto delay : {-1ms, 3ms}) {
        const auto cut = with_timeout(delay, [&] { return each.call(on); });
        ASSERT_TRUE(cut) << each.name;
        EXPECT_EQ(*cut, errc::deadline_exceeded) << each.name;
      }
    }
  });
}

TEST_P(NetScope, ATokenEndsEveryWait) {
  on_fibers([] {
    stuck on;
    for (const network_call& each : network_calls()) {
      std::stop_source source;
      park_probe probe;
      fiber waiter([&] {
        probe.enter();
        return with_stop_token(source.get_token(), [&] { return each.call(on); });
      });
      probe.await(each.kind);
      source.request_stop();
      const auto cut = waiter.join().value();
      ASSERT_TRUE(cut) << each.name;
      EXPECT_EQ(*cut, errc::operation_canceled) << each.name;
    }
  });
}

TEST_P(NetScope, ARefusedDialNamesItsReason) {
  on_fibers([] {
    auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
    const std::string where = listener.local_address().to_string();
    EXPECT_EQ(with_timeout(-1s, [&] { return dial(net::tcp, where); }).error(),
              errc::deadline_exceeded);
    std::stop_source source;
    source.request_stop();
    EXPECT_EQ(with_stop_token(source.get_token(), [&] { return dial(net::tcp, where); }).error(),
              errc::operation_canceled);
    EXPECT_TRUE(with_timeout(1h, [&] { return dial(net::tcp, where); }));
  });
}

TEST_P(NetScope, NoByteIsLostToADeadlineAndThePeerGetsWhatWasTold) {
  on_fibers([] {
    for (const auto make : each_pair()) {
      connected pair = make();
      EXPECT_EQ(with_timeout(1ms, [&] { return pair.server.receive(); }).error(),
                errc::deadline_exceeded);
      EXPECT_TRUE(pair.client.write("all of it"));
      EXPECT_EQ(with_timeout(1h, [&] { return read_text(pair.server, 9); }), "all of it");

      std::size_t sent = 0;
      const std::string block(1 << 16, 'f');
      for (;;) {
        const auto written = with_timeout(5ms, [&] { return pair.client.write(block); });
        sent += written ? *written : written.error().transferred();
        if (!written) break;
      }
      EXPECT_TRUE(pair.client.shutdown_write());
      std::size_t received = 0;
      while (auto chunk = pair.server.receive()) received += chunk->size();
      EXPECT_EQ(received, sent);
    }
  });
}

// A handshake of several calls: one deadline for all of them.
TEST_P(NetScope, OneDeadlineCoversAllCallsInside) {
  on_fibers([] {
    connected pair = tcp_pair();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pair.server.write("x"));
    std::string got;
    const auto ended = with_timeout(300ms, [&]() -> result<void> {
      for (;;) {
        auto chunk = pair.client.receive();
        if (!chunk) return std::unexpected(chunk.error());
        got.append(chunk->size(), 'x');
      }
    });
    EXPECT_EQ(ended.error(), errc::deadline_exceeded);
    EXPECT_EQ(got, "xxx");
  });
}

TEST_P(NetScope, AGroupServesUntilItIsCancelled) {
  on_fibers([] {
    auto listener = net::listen(net::tcp, "127.0.0.1:0").value();
    task_group group;
    group.go([&]() -> result<void> {
      for (;;) {
        auto conn = listener.accept();
        if (!conn) return std::unexpected(conn.error());
        group.go([own = std::move(*conn)]() mutable -> result<void> {
          for (;;) {
            auto chunk = own.receive();
            if (!chunk) return std::unexpected(chunk.error());
            if (auto sent = own.write(*chunk); !sent) return std::unexpected(sent.error());
          }
        });
      }
    });
    std::vector<stream> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(dial(net::tcp, listener.local_address().to_string()).value());
      EXPECT_TRUE(clients.back().write("echo"));
      EXPECT_EQ(read_text(clients.back(), 4), "echo");
    }
    group.cancel();
    EXPECT_EQ(group.wait().error(), errc::operation_canceled);
    EXPECT_EQ(group.failures().size(), 6U);
    for (stream& each : clients) EXPECT_EQ(each.receive().error(), errc::end_of_stream);
  });
}

}  // namespace
}  // namespace sluice::net
