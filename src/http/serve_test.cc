// serve_test.cc: the whole server over loopback, spoken to in raw bytes: what a good client sees.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/live_server_test.h"
#include "os/syscall_count.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"

namespace sluice::http {
namespace {

using namespace sluice::testing;

class Serve : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(Serve);

TEST_P(Serve, AnswersAGetWithDateAndLength) {
  on_fibers([] {
    const live_server server(tell);
    live_client client(server);
    client.send(hello_request);
    const reply got = client.receive();
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "GET /hello=");
    const std::string date = got.value_of("Date");
    EXPECT_EQ(date.size(), 29U) << date;
    EXPECT_TRUE(date.ends_with(" GMT")) << date;
    EXPECT_EQ(got.value_of("Connection"), "") << "HTTP/1.1 goes on without a word";
  });
}

TEST_P(Serve, AnswersHeadAsGetWithoutItsBody) {
  mux routes;
  routes.handle("GET /hello", [](response& w, const request&) { w.text("Hello!\n"); });
  on_fibers([&routes] {
    const live_server server([&routes](response& w, const request& r) { routes(w, r); });
    live_client client(server);
    client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n" + hello_request);
    const reply head = client.receive(false);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.value_of("Content-Length"), "7");
    EXPECT_EQ(client.receive().body, "Hello!\n") << "a body of HEAD would stand here";
  });
}

TEST_P(Serve, TellsAWrongPathFromAWrongMethod) {
  mux routes;
  routes.handle("GET /hello", tell);
  routes.handle("DELETE /hello", tell);
  on_fibers([&routes] {
    const live_server server([&routes](response& w, const request& r) { routes(w, r); });
    live_client client(server);
    client.send("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\nPUT /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.receive().status, 404);
    const reply wrong = client.receive();
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.value_of("Allow"), "DELETE, GET, HEAD");
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.receive().status, 200);
  });
}

TEST_P(Serve, ReadsABodyByItsLengthHoweverItComes) {
  on_fibers([] {
    const live_server server(tell);
    live_client client(server);
    const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n";
    client.send(head + "hello world");
    EXPECT_EQ(client.receive().body, "POST /p=hello world");
    for (const char c : head + "hello again") {
      client.send({&c, 1});
      yield();
    }
    EXPECT_EQ(client.receive().body, "POST /p=hello again");
  });
}

TEST_P(Serve, ReadsABodyInChunksHoweverTheyCome) {
  on_fibers([] {
    const live_server server(tell);
    live_client client(server);
    const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string body = "5;a=b\r\nhello\r\n06\r\n world\r\n0\r\nX: y\r\n\r\n";
    client.send(head + body);
    EXPECT_EQ(client.receive().body, "POST /p=hello world");
    for (const char c : head + body) {
      client.send({&c, 1});
      yield();
    }
    EXPECT_EQ(client.receive().body, "POST /p=hello world");
    client.send(hello_request);
    EXPECT_EQ(client.receive().body, "GET /hello=") << "the trailer is not the next request";
  });
}

TEST_P(Serve, EchoesALargeBodyWhileItComes) {
  server_options options;
  options.limits.max_body = no_limit;
  on_fibers([&options] {
    const live_server server(
        [](response& w, const request& r) {
          std::byte buffer[10'000];
          w.header("Content-Length", r.header("Content-Length"));
          while (const auto got = r.read(buffer)) {
            if (!w.write(std::span(buffer).first(*got))) return;
          }
        },
        options);
    live_client client(server);
    std::string body(static_cast<std::size_t>(scaled(4'000'000)), 'x');
    for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
    fiber writer([&] {
      return client.send("POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    EXPECT_TRUE(client.receive().body == body);
    EXPECT_TRUE(writer.join().value());
  });
}

TEST_P(Serve, SendsALongAnswerInChunksAndGoesOn) {
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() == "/hello") return w.text("next");
      EXPECT_TRUE(w.write("one"));
      EXPECT_TRUE(w.flush());
      EXPECT_TRUE(w.write("two"));
    });
    live_client client(server);
    client.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n" + hello_request);
    EXPECT_TRUE(client.receive().has("Transfer-Encoding: chunked"));
    EXPECT_EQ(client.take_until("0\r\n\r\n"), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().body, "next");
  });
}

TEST_P(Serve, AnswersRequestsThatCameTogetherWithOneWrite) {
  os::call_counters calls;
  os::active_call_counters.store(&calls);
  on_fibers([] {
    const live_server server(tell);
    live_client client(server);
    std::string many;
    for (int i = 0; i < 16; ++i) many += hello_request;
    client.send(many);
    for (int i = 0; i < 16; ++i) EXPECT_EQ(client.receive().body, "GET /hello=");
  });
  os::active_call_counters.store(nullptr);
  EXPECT_EQ(calls[os::call::write], 2U) << "the client's one and the server's one";
}

TEST_P(Serve, ClosesAfterAnHttp10Request) {
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() != "/long") return w.text("short");
      EXPECT_TRUE(w.write("until"));
      EXPECT_TRUE(w.flush());
      EXPECT_TRUE(w.write(" the end"));
    });
    live_client client(server);
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(client.receive().has("Connection: keep-alive"));
    EXPECT_TRUE(client.receive().has("Connection: close"));
    expect_end(client);
    live_client other(server);
    other.send("GET /long HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const reply head = other.receive();
    EXPECT_EQ(head.value_of("Transfer-Encoding"), "") << "HTTP/1.0 has no chunks";
    EXPECT_TRUE(head.has("Connection: close"));
    EXPECT_EQ(other.rest(), "until the end");
    EXPECT_EQ(other.ended, errc::end_of_stream);
  });
}

TEST_P(Serve, ClosesWhenTheClientOrTheHandlerWishes) {
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() == "/last") w.header("Connection", "close");
      w.text("bye");
    });
    for (const char* request : {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n",
                                "GET /last HTTP/1.1\r\nHost: h\r\n\r\n"}) {
      live_client client(server);
      client.send(request + hello_request);
      const reply got = client.receive();
      EXPECT_TRUE(got.has("Connection: close"));
      EXPECT_EQ(got.body, "bye");
      expect_end(client);
    }
  });
}

TEST_P(Serve, SaysContinueOnlyToAClientThatWaits) {
  on_fibers([] {
    const live_server server([](response& w, const request& r) {
      if (r.path() == "/no") {
        w.status(403).text("no");
      } else {
        tell(w, r);
      }
    });
    const std::string tail =
        " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    live_client client(server);
    client.send("POST /p" + tail);
    EXPECT_EQ(client.take_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ab");
    EXPECT_EQ(client.receive().body, "POST /p=ab");
    client.send("POST /p" + tail + "cd");
    EXPECT_EQ(client.receive().body, "POST /p=cd") << "a client that does not wait";
    client.send("POST /no" + tail);
    const reply refused = client.receive();
    EXPECT_EQ(refused.status, 403);
    EXPECT_TRUE(refused.has("Connection: close")) << "nobody knows what it will send";
    expect_end(client);
  });
}

TEST_P(Serve, ServesManyConnectionsAtOnce) {
  const auto clients = static_cast<std::size_t>(scaled(200));
  on_fibers([clients] {
    const live_server server(tell);
    wait_group all_connected;
    all_connected.add(clients);
    std::vector<fiber<int>> running;
    for (std::size_t i = 0; i < clients; ++i) {
      running.emplace_back(fiber([&, i] {
        live_client client(server);
        all_connected.done();
        all_connected.wait();  // all of them are open at once
        int right = 0;
        for (int turn = 0; turn < 5; ++turn) {
          const std::string body = std::to_string(i) + "/" + std::to_string(turn);
          client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
          if (client.receive().body == "POST /p=" + body) ++right;
        }
        return right;
      }));
    }
    for (auto& one : running) EXPECT_EQ(one.join().value(), 5);
  });
  EXPECT_EQ(stats().connections, 0U);
}

TEST_P(Serve, LetsOnlySoManyInAndTheNextOneWhenOneLeaves) {
  server_options options;
  options.max_connections = 1;
  on_fibers([&options] {
    const live_server server(tell, options);
    live_client first(server);
    first.send(hello_request);
    EXPECT_EQ(first.receive().status, 200);
    live_client second(server);
    second.send(hello_request);
    EXPECT_EQ(stats().connections, 1U);
    first.send(hello_request);
    EXPECT_EQ(first.receive().status, 200);
    EXPECT_EQ(stats().connections, 1U);
    (void)first.stream.close();
    EXPECT_EQ(second.receive().status, 200);
  });
}

TEST_P(Serve, SaysWhereItListensAndReportsATakenPort) {
  on_fibers([] {
    std::string where;
    wait_group ready;
    ready.add();
    server_options options;
    options.stop_on_signals = false;
    options.ready = [&](std::string_view address) {
      where = address;
      ready.done();
    };
    fiber serving([&options] { return serve("127.0.0.1:0", tell, options); });
    ready.wait();
    const auto second = serve(where, tell, options);
    EXPECT_EQ(error_of(second), std::errc::address_in_use);
    auto client = net::dial(net::tcp, where);
    EXPECT_TRUE(client) << client.error();
    serving.request_stop();
    EXPECT_TRUE(serving.join().value());
  });
}

}  // namespace
}  // namespace sluice::http
