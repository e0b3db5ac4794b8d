// net_fixture.h: what the network tests have in common: connected pairs, a way to know that a fiber
// has parked, and a teardown that finds leaked descriptors.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "sluice/fiber.h"
#include "sluice/net.h"
#include "sluice/run.h"
#include "testing/local_sockets.h"
#include "testing/park_probe.h"
#include "testing/process.h"
#include "testing/scale.h"
#include "testing/with_processors.h"

namespace sluice::testing {

using namespace std::chrono_literals;

class net_fixture : public with_processors {
 protected:
  void SetUp() override { before_ = process_state().descriptors; }
  void TearDown() override {
    EXPECT_EQ(process_state().descriptors, before_) << "the test leaks descriptors";
  }

  // Runs `body` as the first fiber.
  template <class F>
  static void on_fibers(F&& body) {
    run(std::forward<F>(body), options());
  }

 private:
  std::size_t before_ = 0;
};

// Two ends of one connection.
struct connected {
  net::stream client;
  net::stream server;
};

inline connected connect_through(net::listener& listener, net::network kind) {
  auto client = net::dial(kind, listener.local_address().to_string());
  EXPECT_TRUE(client) << client.error();
  auto server = listener.accept();
  EXPECT_TRUE(server) << server.error();
  return {std::move(*client), std::move(*server)};
}

inline connected tcp_pair() {
  auto listener = net::listen(net::tcp, "127.0.0.1:0");
  EXPECT_TRUE(listener) << listener.error();
  return connect_through(*listener, net::tcp);
}

inline connected local_pair() {
  auto listener = net::listen(net::local, fresh_local_name());
  EXPECT_TRUE(listener) << listener.error();
  return connect_through(*listener, net::local);
}

// The networks that this system has, for tests that are about each of them.
inline std::vector<net::network> each_network() {
  if (!has_local_sockets()) return {net::tcp};
  return {net::tcp, net::local};
}

// A connected pair of each.
inline std::vector<connected (*)()> each_pair() {
  if (!has_local_sockets()) return {tcp_pair};
  return {tcp_pair, local_pair};
}

// The cheapest that the system has.
inline connected any_pair() { return each_pair().back()(); }

// `text` as bytes.
inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Reads exactly `count` bytes as text; "" and a failed expectation on an error.
inline std::string read_text(net::stream& from, std::size_t count) {
  std::string text(count, '\0');
  const auto got = from.read_full(std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(got) << got.error();
  return got ? text : std::string();
}

}  // namespace sluice::testing
