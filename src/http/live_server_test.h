// live_server_test.h: a real server on a port of its own, and clients that send it raw bytes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "http/test_exchange_test.h"
#include "sluice/fiber.h"
#include "sluice/http.h"
#include "sluice/net.h"

namespace sluice::http {

// Runs a server beside the test's fiber; the destructor stops it and waits.
class live_server {
 public:
  explicit live_server(handler run, server_options options = {}) {
    auto listener = net::listen(net::tcp, "127.0.0.1:0");
    EXPECT_TRUE(listener) << listener.error();
    address_ = listener->local_address().to_string();
    serving_ = fiber(
        [](net::listener&& from, const handler& answering, const server_options& chosen) {
          return serve(std::move(from), answering, chosen);
        },
        std::move(*listener), std::move(run), std::move(options));
  }

  [[nodiscard]] const std::string& address() const { return address_; }

  void ask_to_stop() { serving_.request_stop(); }
  // Returns when the server no longer listens. It has seen by then that it is to stop.
  void wait_until_deaf() const {
    while (net::dial(net::tcp, address_)) yield();
  }
  // Stops the server and waits until serve() has returned.
  void stop() {
    ask_to_stop();
    const auto ended = serving_.join();
    ASSERT_TRUE(ended) << ended.error();
    EXPECT_TRUE(*ended) << ended->error();
  }

 private:
  std::string address_;
  fiber<result<void>> serving_;
};

// One answer, taken apart.
struct reply {
  int status = 0;
  std::string head;  // with the status line, up to and with the empty line
  std::string body;

  [[nodiscard]] bool has(std::string_view line) const {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
  // Returns  the value of that header, "" without one.
  [[nodiscard]] std::string value_of(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string::npos) return {};
    const std::size_t from = at + start.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// A client that says what it is told to. It gives up after a minute, so that no test hangs.
class live_client {
 public:
  explicit live_client(const live_server& server) {
    auto dialed = net::dial(net::tcp, server.address());
    EXPECT_TRUE(dialed) << dialed.error();
    if (!dialed) return;
    stream = std::move(*dialed);
    (void)stream.set_deadline(deadline::in(std::chrono::minutes(1)));
  }

  // Returns  whether all of it could be sent.
  bool send(std::string_view bytes) { return stream.write(bytes).has_value(); }

  // The head of the next answer and, if `with_body`, what its Content-Length announces.
  reply receive(bool with_body = true) {
    reply got;
    got.head = take_until("\r\n\r\n");
    if (got.head.size() > 12) {
      std::from_chars(got.head.data() + 9, got.head.data() + 12, got.status);
    }
    const std::string length = got.value_of("Content-Length");
    if (with_body && !length.empty()) got.body = take(std::stoul(length));
    return got;
  }

  // Exactly so many bytes, less if the stream ends before.
  std::string take(std::size_t size) {
    while (have_.size() < size && more()) {
    }
    return cut(std::min(size, have_.size()));
  }

  // All up to and with `end`, or to the end of the stream.
  std::string take_until(std::string_view end) {
    for (;;) {
      const std::size_t at = have_.find(end);
      if (at != std::string::npos) return cut(at + end.size());
      if (!more()) return cut(have_.size());
    }
  }

  // What is still to come. How the stream ended is in `ended`.
  std::string rest() {
    while (more()) {
    }
    return cut(have_.size());
  }

  net::stream stream;
  error ended = std::errc::operation_in_progress;  // why reading stopped

 private:
  bool more() {
    auto got = stream.receive();
    if (got) have_.append(got->text());
    if (!got) ended = got.error();
    return got.has_value();
  }

  std::string cut(std::size_t size) {
    std::string text = have_.substr(0, size);
    have_.erase(0, size);
    return text;
  }

  std::string have_;
};

inline const std::string hello_request = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";

// The method, the path and the body, or "!" and why there is none.
inline void tell(response& w, const request& r) {
  const auto body = r.read_all();
  w.text(std::string(r.method()) + " " + std::string(r.path()) + "=" +
         (body ? *body : "!" + body.error().message()));
}

// Expects that the connection ends in order, and that nothing more is said before.
inline void expect_end(live_client& client) {
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(client.ended, errc::end_of_stream) << client.ended;
}

}  // namespace sluice::http
