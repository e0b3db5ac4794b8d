// serve_refusal_test.cc: what a hostile client sees, over loopback. Each case is sent in one write
// and in pieces; that the pieces may be cut anywhere is parse/request_refusal_test.cc's to show.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/live_server_test.h"
#include "sluice/sync.h"
#include "testing/net_fixture.h"

namespace sluice::http {
namespace {

using namespace sluice::testing;

class ServeRefusal : public net_fixture {};
SLUICE_INSTANTIATE_WITH_PROCESSORS(ServeRefusal);

const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string get = "GET / HTTP/1.1\r\n";
const std::string host = "Host: h\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
const std::string nul(1, '\0');

struct refusal_case {
  std::string bytes;
  int status;
};

std::vector<refusal_case> bad_heads() {
  const std::string end = host + "\r\n";
  return {{get + "\r\n", 400},
          {get + host + end, 400},
          {get + "Host: a b\r\n\r\n", 400},
          {get + "Host: h, g\r\n\r\n", 400},
          {get + host + "X: a\r\n b\r\n\r\n", 400},
          {get + " X: a\r\n" + end, 400},
          {get + host + "X: a\nY: b\r\n\r\n", 400},
          {get + host + "X: a\rY: b\r\n\r\n", 400},
          {get + host + "X: a" + nul + "b\r\n\r\n", 400},
          {get + host + "X" + nul + ": a\r\n\r\n", 400},
          {get + "Host : h\r\n\r\n", 400},
          {get + host + ": a\r\n\r\n", 400},
          {get + host + "no colon\r\n\r\n", 400},
          {"GET / HTTP/1.1\n" + end, 400},
          {"GET /" + nul + " HTTP/1.1\r\n" + end, 400},
          {"GET /\x01 HTTP/1.1\r\n" + end, 400},
          {"GET  / HTTP/1.1\r\n" + end, 400},
          {"GET /a b HTTP/1.1\r\n" + end, 400},
          {"GET /\r\n\r\n", 400},
          {"GET a/b HTTP/1.1\r\n" + end, 400},
          {"GET /%zz HTTP/1.1\r\n" + end, 400},
          {"GET /%00 HTTP/1.1\r\n" + end, 400},
          {"GET http://u@h/ HTTP/1.1\r\n" + end, 400},
          {"GET http://h/ HTTP/1.1\r\n\r\n", 400},
          {"GET * HTTP/1.1\r\n" + end, 400},
          {"CONNECT h:443 HTTP/1.1\r\n" + end, 501},
          {"BREW / HTTP/1.1\r\n" + end, 501},
          {"GET / HTTP/1.2\r\n" + end, 505},
          {"GET / HTTP/2.0\r\n" + end, 505},
          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
          {"\x16\x03\x01\x02", 400},
          {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + end, 414},
          {get + host + "X: " + std::string(17'000, 'a') + "\r\n\r\n", 431}};
}

std::vector<refusal_case> bad_framing() {
  const auto length = [](const std::string& value) {
    return refusal_case{post + "Content-Length: " + value + "\r\n\r\nabcde", 400};
  };
  const auto coding = [](const std::string& value, int status) {
    return refusal_case{post + "Transfer-Encoding: " + value + "\r\n\r\n0\r\n\r\n", status};
  };
  return {length("+5"),
          length("-5"),
          length("5, 5"),
          length("5 5"),
          length("0x5"),
          length(""),
          length("18446744073709551621"),
          length("5\r\nContent-Length: 5"),
          length("5\r\nContent-Length: 6"),
          length("5\r\nTransfer-Encoding: chunked"),
          coding("chunked\r\nContent-Length: 5", 400),
          coding("chunked, chunked", 400),
          coding("chunked, gzip", 400),
          coding("chunked\r\nTransfer-Encoding: chunked", 400),
          coding("\r\n chunked", 400),
          coding("", 400),
          coding("gzip, chunked", 501),
          coding("identity", 501),
          coding("xchunked", 501),
          coding("\"chunked\"", 501),
          coding("chunked;q=1", 501),
          {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
          {post + "Content-Length: 2000000\r\n\r\n", 413},
          {post + "Expect: the-worst\r\n\r\n", 417}};
}

// These get as far as the handler, which reads the body and says nothing when it fails.
std::vector<refusal_case> bad_chunks() {
  const std::string many_lines = [] {
    std::string lines;
    for (int i = 0; i < 200; ++i) lines += "X: a\r\n";
    return lines;
  }();
  return {{chunked + "g\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + "+3\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + "3\nabc\r\n0\r\n\r\n", 400},
          {chunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
          {chunked + "3\r\nabc\n0\r\n\r\n", 400},
          {chunked + "3;" + std::string(300, 'a') + "\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + std::string(300, '0') + "3\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
          {chunked + "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", 413},
          {chunked + "200000\r\nabc", 413},
          {chunked + "0\r\nX: " + std::string(5000, 'a') + "\r\n\r\n", 431},
          {chunked + "0\r\n" + many_lines + "\r\n", 431},
          {chunked + "0\r\nX: a\r\n b\r\n\r\n", 400},
          {chunked + "0\r\nContent-Length: 5\r\n\r\n", 400}};
}

// Sends the case in so many pieces and looks at what comes back. Not a SCOPED_TRACE, which belongs
// to a thread: the fiber does not stay on one.
void expect_refused(const live_server& server, const refusal_case& bad, std::size_t pieces) {
  const std::string what = std::to_string(pieces) + " pieces of " + bad.bytes.substr(0, 200);
  live_client client(server);
  const std::string all = bad.bytes + smuggled;
  const std::size_t step = all.size() / pieces + 1;
  for (std::size_t at = 0; at < all.size(); at += step) {
    client.send(all.substr(at, step));
    yield();
  }
  const reply got = client.receive();
  EXPECT_EQ(got.status, bad.status) << what;
  EXPECT_TRUE(got.has("Connection: close")) << what << got.head;
  EXPECT_EQ(client.rest(), "") << what;
  EXPECT_EQ(client.ended, errc::end_of_stream) << what << client.ended;
}

void expect_all_refused(const std::vector<refusal_case>& cases) {
  // Whatever is parsed as a request of its own although it must not be.
  std::vector<std::string> slipped;
  mutex guard;
  live_server server([&](response& w, const request& r) {
    if (r.path() == "/smuggled") {
      const std::lock_guard lock(guard);
      slipped.emplace_back(r.path());
    }
    (void)w;
    (void)r.read_all();
  });
  for (const refusal_case& bad : cases) {
    for (const std::size_t pieces : {1U, 2U, 3U, 7U}) expect_refused(server, bad, pieces);
  }
  server.stop();
  EXPECT_TRUE(slipped.empty());
}

TEST_P(ServeRefusal, OfMalformedHeads) {
  on_fibers([] { expect_all_refused(bad_heads()); });
}

TEST_P(ServeRefusal, OfAmbiguousFraming) {
  on_fibers([] { expect_all_refused(bad_framing()); });
}

TEST_P(ServeRefusal, OfMalformedChunks) {
  on_fibers([] { expect_all_refused(bad_chunks()); });
}

TEST_P(ServeRefusal, AnswersWhatCameBeforeTheMalformedRequest) {
  on_fibers([] {
    const live_server server(tell);
    live_client client(server);
    client.send(hello_request + get + "\r\n" + hello_request);
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.receive().status, 400);
    expect_end(client);
  });
}

TEST_P(ServeRefusal, OfWhatIsLargerThanTheLimits) {
  server_options options;
  options.limits.max_head = 100;
  options.limits.max_target = 20;
  options.limits.max_headers = 3;
  options.limits.max_body = 4;
  on_fibers([&options] {
    const live_server server([](response&, const request& r) { (void)r.read_all(); }, options);
    const std::string many = get + host + "A: 1\r\nB: 2\r\n";
    for (const std::size_t pieces : {1U, 2U, 5U}) {
      expect_refused(server, {get + host + "X: " + std::string(100, 'a') + "\r\n\r\n", 431},
                     pieces);
      expect_refused(server, {"GET /" + std::string(20, 'a') + " HTTP/1.1\r\n\r\n", 414}, pieces);
      expect_refused(server, {many + "C: 3\r\n\r\n", 431}, pieces);
      expect_refused(server, {post + "Content-Length: 5\r\n\r\nabcde", 413}, pieces);
      expect_refused(server, {chunked + "4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n", 413}, pieces);
    }
    live_client client(server);
    client.send(many + "\r\n" + post + "Content-Length: 4\r\n\r\nabcd");
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.receive().status, 200);
  });
}

TEST_P(ServeRefusal, ClosesAConnectionThatIdles) {
  server_options options;
  options.idle_timeout = 1ms;
  on_fibers([&options] {
    const live_server server(tell, options);
    live_client client(server);
    client.send(hello_request);
    EXPECT_EQ(client.receive().status, 200);
    expect_end(client);
  });
}

TEST_P(ServeRefusal, ClosesAConnectionThatNeverBegins) {
  server_options options;
  options.header_timeout = 1ms;
  on_fibers([&options] {
    const live_server server(tell, options);
    live_client client(server);
    expect_end(client);
  });
}

TEST_P(ServeRefusal, AnswersAHeadThatStopsBy408) {
  server_options options;
  options.header_timeout = 100ms;
  on_fibers([&options] {
    const live_server server(tell, options);
    // The first request is complete; so the connection's start cannot be what took too long, save
    // on a machine that stands still for as long. Then another connection tries.
    int status = 0;
    for (int attempt = 0; attempt < 100 && status != 408; ++attempt) {
      live_client client(server);
      client.send(hello_request + "GET / HT");
      if (client.receive().status != 200) continue;
      status = client.receive().status;
      EXPECT_EQ(client.rest(), "");
    }
    EXPECT_EQ(status, 408);
  });
}

TEST_P(ServeRefusal, AByteNowAndThenDoesNotKeepAHeadOpen) {
  server_options options;
  options.header_timeout = 100ms;
  options.limits.max_head = 10'000'000;
  on_fibers([&options] {
    const live_server server(tell, options);
    int status = 0;
    for (int attempt = 0; attempt < 100 && status != 408; ++attempt) {
      live_client client(server);
      client.send(hello_request + "GET / HTTP/1.1\r\nX: ");
      if (client.receive().status != 200) continue;
      // Ends with the connection, which nothing but the limit can end.
      fiber trickle([&client] {
        while (client.send("a") && sleep_for(1ms)) {
        }
      });
      status = client.receive().status;
    }
    EXPECT_EQ(status, 408);
  });
}

TEST_P(ServeRefusal, AnswersABodyThatStopsBy408) {
  server_options options;
  options.body_timeout = 1ms;
  on_fibers([&options] {
    const live_server server([](response&, const request& r) { (void)r.read_all(); }, options);
    live_client client(server);
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(client.receive().status, 408);
    expect_end(client);
  });
}

TEST_P(ServeRefusal, ABodyThatNobodyReadsDoesNotKeepTheConnection) {
  server_options options;
  options.body_timeout = 1ms;
  on_fibers([&options] {
    const live_server server([](response& w, const request&) { w.text("said"); }, options);
    live_client client(server);
    client.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(client.receive().body, "said");
    expect_end(client);
  });
}

TEST_P(ServeRefusal, AClientThatNeverReadsEndsItsOwnAnswerOnly) {
  server_options options;
  options.write_timeout = 20ms;
  on_fibers([&options] {
    wait_group failed;
    failed.add();
    const live_server server(
        [&failed](response& w, const request& r) {
          if (r.path() == "/hello") return tell(w, r);
          const std::string block(1'000'000, 'x');
          result<void> sent;
          while (sent) sent = w.write(block);
          EXPECT_EQ(sent.error(), errc::deadline_exceeded) << sent.error();
          EXPECT_EQ(error_of(w.flush()), errc::deadline_exceeded) << "nothing follows a gap";
          failed.done();
        },
        options);
    live_client client(server);
    client.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    failed.wait();
    // A machine that stands still for as long makes its answer late as well; then another tries.
    int status = 0;
    for (int attempt = 0; attempt < 100 && status != 200; ++attempt) {
      live_client other(server);
      other.send(hello_request);
      status = other.receive().status;
    }
    EXPECT_EQ(status, 200);
  });
}

}  // namespace
}  // namespace sluice::http
