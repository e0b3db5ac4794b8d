// serve_end_test.cc: how connections and servers end, over loopback: handlers that fail, clients
// that leave, bodies that nobody reads, and a server that is asked to stop.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "http/live_server_test.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"
#include "testing/raw_socket.h"

namespace sluice::http {
namespace {

using namespace sluice::testing;

class ServeEnd : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(ServeEnd);

// A gate that handlers wait at, and that tells when the first has come.
struct gate {
  gate() {
    reached.add();
    open.add();
  }
  void pass() {
    if (!passed.exchange(true)) reached.done();
    open.wait();
  }
  std::atomic<bool> passed{false};
  wait_group reached;
  wait_group open;
};

TEST_P(ServeEnd, AnExceptionIsReportedAndAnswered500AndTheServerGoesOn) {
  ::testing::internal::CaptureStderr();
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() == "/hello") return tell(w, r);
      w.status(201).text("half an answer");
      throw std::runtime_error("no such table");
    });
    live_client client(server);
    client.send("GET /bad?x=1 HTTP/1.1\r\nHost: h\r\n\r\n" + hello_request);
    const reply got = client.receive();
    EXPECT_EQ(got.status, 500);
    EXPECT_TRUE(got.has("Connection: close"));
    EXPECT_EQ(got.body, "500 Internal Server Error\n") << "the message is not the client's";
    expect_end(client);
    live_client other(server);
    other.send(hello_request);
    EXPECT_EQ(other.receive().status, 200);
  });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "sluice: http: GET /bad?x=1 HTTP/1.1: no such table\n");
}

TEST_P(ServeEnd, AnExceptionAfterPartWasSentCutsTheAnswer) {
  ::testing::internal::CaptureStderr();
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() == "/hello") return tell(w, r);
      EXPECT_TRUE(w.write("half"));
      EXPECT_TRUE(w.flush());
      throw 7;
    });
    live_client client(server);
    client.send("GET /bad HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.rest(), "4\r\nhalf\r\n") << "the last chunk would make it look whole";
    live_client other(server);
    other.send(hello_request);
    EXPECT_EQ(other.receive().status, 200);
  });
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "sluice: http: GET /bad HTTP/1.1: an exception that is no std::exception\n");
}

TEST_P(ServeEnd, ABodyThatNobodyReadIsSkippedIfItIsSmall) {
  on_fibers([] {
    const live_server server([](response& w, const request& r) { w.text(r.path()); });
    live_client client(server);
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" +
                std::string(100'000, 'x') + hello_request);
    EXPECT_EQ(client.receive().body, "/p");
    EXPECT_EQ(client.receive().body, "/hello");
  });
}

TEST_P(ServeEnd, NoResetEatsTheAnswerToALargeBodyThatNobodyRead) {
  server_options options;
  options.limits.max_body = no_limit;
  on_fibers([&options] {
    const live_server server([](response& w, const request& r) { w.text(r.path()); }, options);
    live_client client(server);
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n" +
                std::string(200'000, 'x'));
    const reply got = client.receive();
    EXPECT_EQ(got.body, "/p");
    EXPECT_TRUE(got.has("Connection: close"));
    expect_end(client);
  });
}

TEST_P(ServeEnd, AClientThatLeavesInTheMiddleOfABodyIsAnErrorForItsHandlerOnly) {
  on_fibers([] {
    std::vector<error> seen;
    mutex guard;
    wait_group left;
    left.add(2);
    const auto note = [&](response& w, const request& r) {
      if (r.path() == "/hello") return tell(w, r);
      const auto body = r.read_all();
      {
        const std::lock_guard lock(guard);
        if (!body) seen.push_back(body.error());
      }
      left.done();
    };
    const live_server server(note);
    const std::string part = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel";
    {
      live_client ends(server);
      ends.send(part);
      (void)ends.stream.shutdown_write();
      EXPECT_EQ(ends.receive().status, 400) << "it can still read";
    }
    {
      live_client chunked(server);
      chunked.send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhe");
      (void)chunked.stream.close();
    }
    live_client other(server);
    other.send(hello_request);
    EXPECT_EQ(other.receive().status, 200);
    left.wait();
    ASSERT_EQ(seen.size(), 2U);
    for (const error& why : seen) EXPECT_EQ(why, errc::unexpected_end) << why;
  });
}

TEST_P(ServeEnd, AClientThatLeavesInTheMiddleOfAnAnswerStopsItsHandler) {
  on_fibers([] {
    wait_group stopped;
    stopped.add();
    live_server server([&stopped](response& w, const request& r) {
      if (r.path() == "/hello") return tell(w, r);
      const std::string block(20'000, 'x');
      result<void> sent;
      while (sent) sent = w.write(block);
      EXPECT_TRUE(sent.error() == std::errc::broken_pipe ||
                  sent.error() == std::errc::connection_reset)
          << sent.error();
      stopped.done();
    });
    live_client client(server);
    client.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.receive().status, 200);
    raw_socket(client.stream.release().value()).reset();
    stopped.wait();
    live_client other(server);
    other.send(hello_request);
    EXPECT_EQ(other.receive().status, 200);
  });
}

TEST_P(ServeEnd, AHandlerMayOutliveItsClient) {
  on_fibers([] {
    gate waiting;
    live_server server([&waiting](response& w, const request& r) {
      if (r.path() == "/hello") return tell(w, r);
      waiting.pass();
      w.text("too late");
    });
    live_client client(server);
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    waiting.reached.wait();
    raw_socket(client.stream.release().value()).reset();
    waiting.open.done();
    live_client other(server);
    other.send(hello_request);
    EXPECT_EQ(other.receive().status, 200);
    (void)other.stream.close();
    server.stop();
  });
}

TEST_P(ServeEnd, AStoppingServerClosesWhatIsIdle) {
  on_fibers([] {
    live_server server(tell);
    live_client fresh(server);
    live_client used(server);
    used.send(hello_request);
    EXPECT_EQ(used.receive().status, 200);
    server.stop();
    expect_end(used);
    // It was idle, or still in the backlog: then the close of the listener has reset it.
    EXPECT_EQ(fresh.rest(), "");
    EXPECT_FALSE(net::dial(net::tcp, server.address()));
  });
  EXPECT_EQ(stats().connections, 0U);
}

TEST_P(ServeEnd, AStoppingServerFinishesWhatIsInFlight) {
  on_fibers([] {
    gate waiting;
    live_server server([&waiting](response& w, const request&) {
      waiting.pass();
      w.text("to the end");
    });
    live_client client(server);
    client.send(hello_request + hello_request);
    waiting.reached.wait();
    server.ask_to_stop();
    server.wait_until_deaf();
    waiting.open.done();
    const reply got = client.receive();
    EXPECT_EQ(got.body, "to the end");
    EXPECT_TRUE(got.has("Connection: close"));
    expect_end(client);
    (void)client.stream.close();
    server.stop();
  });
}

TEST_P(ServeEnd, AStoppingServerCutsWhatTakesTooLong) {
  server_options options;
  options.drain = 1ms;
  on_fibers([&options] {
    wait_group reading;
    reading.add();
    result<std::string> body;
    live_server server(
        [&](response&, const request& r) {
          reading.done();
          body = r.read_all();
        },
        options);
    live_client client(server);
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    reading.wait();
    server.stop();
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error(), errc::unexpected_end) << body.error();
    EXPECT_EQ(client.rest().find("HTTP/1.1 200"), std::string::npos);
  });
}

TEST_P(ServeEnd, ManyClientsAreServedOrToldWhileTheServerStops) {
  const auto clients = static_cast<std::size_t>(scaled(50));
  on_fibers([clients] {
    live_server server(tell);
    wait_group all_served;
    all_served.add(clients);
    std::vector<fiber<void>> running;
    for (std::size_t i = 0; i < clients; ++i) {
      running.emplace_back(fiber([&] {
        live_client client(server);
        client.send(hello_request);
        EXPECT_EQ(client.receive().status, 200);
        all_served.done();
        // An answer is whole or is not there.
        for (reply next{.status = 200, .head = {}, .body = {}}; next.status == 200;) {
          client.send(hello_request);
          next = client.receive();
          EXPECT_TRUE(next.body == "GET /hello=" || next.head.empty()) << next.head;
        }
      }));
    }
    all_served.wait();
    server.stop();
    for (auto& one : running) EXPECT_TRUE(one.join());
  });
  EXPECT_EQ(stats().connections, 0U);
}

}  // namespace
}  // namespace sluice::http
