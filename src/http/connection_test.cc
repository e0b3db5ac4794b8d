// The connection, on a transport that plays a script: no socket, no clock, no fiber.
#include "http/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <variant>

#include "http/test_exchange_test.h"

namespace sluice::http::detail {
namespace {

// Gives the client's bytes piece by piece, then what `end` says. Keeps a log of what was done:
// "<" for each wait for bytes, ">text" for each write, "|" for the half-close.
class script final : public transport {
 public:
  explicit script(std::initializer_list<std::string_view> pieces)
      : pieces_(pieces.begin(), pieces.end()) {}

  result<io::chunk> receive() override {
    log.emplace_back("<");
    if (pieces_.empty()) return std::unexpected(end);
    auto made = io::chunk::take();
    if (!made) return made;
    const std::size_t size = take(made->space());
    made->resize(size);
    return made;
  }

  result<std::size_t> read(std::span<std::byte> buffer) override {
    log.emplace_back("<<");
    if (pieces_.empty()) return std::unexpected(end);
    return take(buffer);
  }

  result<void> write(std::string_view first, std::string_view second) override {
    if (broken) return std::unexpected(error(std::errc::broken_pipe));
    log.push_back(">" + std::string(first) + std::string(second));
    if (writes() == cut_write) return std::unexpected(error(errc::deadline_exceeded));
    return {};
  }

  void set_read_deadline(deadline until) override { read_deadlines.push_back(until); }
  void set_write_deadline(deadline) override {}
  void shutdown_write() override { log.emplace_back("|"); }

  // All that was written.
  [[nodiscard]] std::string said() const {
    std::string text;
    for (const std::string& one : log) {
      if (one[0] == '>') text += one.substr(1);
    }
    return text;
  }
  [[nodiscard]] std::size_t writes() const {
    return static_cast<std::size_t>(
        std::count_if(log.begin(), log.end(), [](const auto& one) { return one[0] == '>'; }));
  }

  std::vector<std::string> log;
  error end = errc::end_of_stream;
  bool broken = false;
  std::size_t cut_write = 0;  // which write sends only a part; 0: none
  std::vector<deadline> read_deadlines;

 private:
  std::size_t take(std::span<std::byte> room) {
    std::string& piece = pieces_.front();
    const std::size_t size = std::min(room.size(), piece.size());
    piece.copy(reinterpret_cast<char*>(room.data()), size);
    piece.erase(0, size);
    if (piece.empty()) pieces_.pop_front();
    return size;
  }

  std::deque<std::string> pieces_;
};

class test_service final : public service {
 public:
  using service::service;
  std::int64_t now() noexcept override { return test_time; }
  bool stopping() noexcept override { return stop; }
  void report(std::string_view line, std::string_view what) noexcept override {
    reports.push_back(std::string(line) + ": " + std::string(what));
  }
  std::vector<std::string> reports;
  bool stop = false;
};

class test_marker final : public idle_marker {
 public:
  bool enter_idle() noexcept override { return ++idle <= most_idle; }
  bool leave_idle() noexcept override { return true; }
  int idle = 0;
  int most_idle = 1000;
};

// The path and the body of the request, "!" and the error if there is one.
void echo(response& w, const request& r) {
  const auto body = r.read_all();
  w.text(std::string(r.path()) + "=" + (body ? *body : "!" + body.error().message()));
}

class Connection : public testing::Test {
 protected:
  void serve(script& client, const handler& run = echo) {
    test_service shared(options_, run);
    shared.stop = stop_;
    connection(client, shared, marker_).serve();
    reports_ = shared.reports;
  }

  // Takes the heads apart from what differs: "200 close:body", one line for each response.
  static std::string brief(const std::string& said) {
    std::string out;
    for (std::size_t at = 0; at < said.size();) {
      const std::size_t end = said.find("\r\n\r\n", at) + 4;
      const std::string head = said.substr(at, end - at);
      out += head.substr(9, 3);
      if (head.find("Connection: close") != std::string::npos) out += " close";
      at = end;
      const std::size_t length = head.find("Content-Length: ");
      if (length == std::string::npos) continue;
      const auto size = static_cast<std::size_t>(std::stoul(head.substr(length + 16)));
      out += ":" + said.substr(at, size) + "\n";
      at += size;
    }
    return out;
  }

  server_options options_;
  test_marker marker_;
  bool stop_ = false;
  std::vector<std::string> reports_;
};

const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

TEST_F(Connection, AnswersOneRequestAfterTheOther) {
  script client{get, get};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200:/a=\n200:/a=\n");
  EXPECT_EQ(client.log.size(), 5U);  // wait, write, wait, write, wait
}

TEST_F(Connection, AnswersPipelinedRequestsWithOneWrite) {
  std::string many;
  for (int i = 0; i < 16; ++i) many += get + post("x");
  script client{many};
  serve(client);
  EXPECT_EQ(client.writes(), 1U);
  std::string expected;
  for (int i = 0; i < 16; ++i) expected += "200:/a=\n200:/p=x\n";
  EXPECT_EQ(brief(client.said()), expected);
}

TEST_F(Connection, WritesWhatItHasBeforeItWaitsForTheRestOfAHead) {
  script client{get + "GET /b HT", "TP/1.1\r\nHost: h\r\n\r\n"};
  serve(client);
  ASSERT_EQ(client.log.size(), 5U);
  EXPECT_EQ(brief(client.log[1].substr(1)), "200:/a=\n");
  EXPECT_EQ(client.log[2], "<");
  EXPECT_EQ(brief(client.log[3].substr(1)), "200:/b=\n");
}

TEST_F(Connection, WritesWhatItHasBeforeItWaitsForABody) {
  const std::string whole = post("hello");
  script client{get + whole.substr(0, whole.size() - 2), "lo"};
  serve(client);
  ASSERT_EQ(client.log.size(), 5U);
  EXPECT_EQ(brief(client.log[1].substr(1)), "200:/a=\n");
  EXPECT_EQ(brief(client.log[3].substr(1)), "200:/p=hello\n");
}

TEST_F(Connection, WritesEarlyWhenMuchHasGathered) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += get;
  script client{many};
  serve(client, [](response& w, const request&) { w.text(std::string(1000, 'x')); });
  EXPECT_GE(client.writes(), 3U);
  EXPECT_LE(client.writes(), 5U);
}

TEST_F(Connection, ServesAnyCutOfItsInput) {
  const std::string bytes =
      get + post("hello") +
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
      "GET /z HTTP/1.0\r\n\r\n";
  const std::string expected = "200:/a=\n200:/p=hello\n200:/c=abc\n200 close:/z=\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    script client{bytes.substr(0, cut), bytes.substr(cut)};
    serve(client);
    ASSERT_EQ(brief(client.said()), expected) << "cut at " << cut;
  }
}

TEST_F(Connection, ClosesWhenTheClientWishes) {
  script client{"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", get};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200 close:/a=\n");
  EXPECT_EQ(client.log.size(), 2U);  // no need to wait for the client's end
}

TEST_F(Connection, KeepsA10ConnectionOnRequest) {
  script client{"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /b HTTP/1.0\r\n\r\n",
                get};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200:/a=\n200 close:/b=\n");
}

TEST_F(Connection, RefusesAndClosesGently) {
  script client{get + "GET /b HTTP/1.1\r\n\r\n" + get, "more", "and more"};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200:/a=\n400 close:400 Bad Request: missing Host\n\n");
  EXPECT_EQ(client.writes(), 1U);
  EXPECT_EQ(client.log[2], "|");
  EXPECT_EQ(client.log.size(), 6U);  // "more", "and more", the end
}

TEST_F(Connection, StopsReadingFromAClientThatNeverEnds) {
  const std::string block(16 * 1024, 'x');
  std::initializer_list<std::string_view> none{};
  script client(none);
  class endless final : public transport {
   public:
    result<io::chunk> receive() override {
      ++received;
      auto made = io::chunk::take();
      if (made) {
        made->resize(made->space().size());
        std::fill(made->space().begin(), made->space().end(), std::byte{'\n'});
      }
      return made;
    }
    result<std::size_t> read(std::span<std::byte>) override {
      return std::unexpected(error(errc::closed));
    }
    result<void> write(std::string_view, std::string_view) override { return {}; }
    void set_read_deadline(deadline) override {}
    void set_write_deadline(deadline) override {}
    void shutdown_write() override {}
    int received = 0;
  } flood;
  test_service shared(options_, echo);
  connection(flood, shared, marker_).serve();
  EXPECT_EQ(flood.received, 17);  // one with the request, 256 KiB of the rest
}

TEST_F(Connection, SaysNothingToAClientThatSaysNothing) {
  script client{};
  serve(client);
  EXPECT_EQ(client.said(), "");
  script late{};
  late.end = errc::deadline_exceeded;
  serve(late);
  EXPECT_EQ(late.said(), "");
}

TEST_F(Connection, Answers408ToAHeadThatTakesTooLong) {
  script client{"GET / HT"};
  client.end = errc::deadline_exceeded;
  serve(client);
  EXPECT_EQ(brief(client.said()), "408 close:408 Request Timeout\n\n");
}

TEST_F(Connection, AnswersAfterTheHandlerFailedWithABody) {
  const auto ignore = [](response&, const request& r) { (void)r.read_all(); };
  script late{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel"};
  late.end = errc::deadline_exceeded;
  serve(late, ignore);
  EXPECT_EQ(brief(late.said()), "408 close:408 Request Timeout\n\n");
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  script malformed{chunked + "3\r\nabcd\r\n"};
  serve(malformed, ignore);
  EXPECT_EQ(brief(malformed.said()), "400 close:400 Bad Request\n\n");
  options_.limits.max_body = 3;
  script large{chunked + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"};
  serve(large, ignore);
  EXPECT_EQ(brief(large.said()), "413 close:413 Content Too Large\n\n");
}

TEST_F(Connection, LeavesTheAnswerToAHandlerThatGaveOne) {
  options_.limits.max_body = 3;
  script client{
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200 close:/p=!limit exceeded\n");
}

TEST_F(Connection, RefusesAnAnnouncedBodyOverTheLimitAtOnce) {
  options_.limits.max_body = 3;
  script client{"POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"};
  serve(client, [](response&, const request&) { FAIL(); });
  EXPECT_EQ(brief(client.said()), "413 close:413 Content Too Large: body too large\n\n");
}

TEST_F(Connection, SkipsABodyThatTheHandlerDidNotRead) {
  script client{post("hello") + get, post(std::string(100'000, 'x')), get};
  serve(client, [](response& w, const request& r) { w.text(r.path()); });
  EXPECT_EQ(brief(client.said()), "200:/p\n200:/a\n200:/p\n200:/a\n");
}

TEST_F(Connection, ClosesRatherThanToSkipALargeBody) {
  options_.limits.max_body = no_limit;
  script client{"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n", "x", get};
  serve(client, [](response& w, const request& r) { w.text(r.path()); });
  EXPECT_EQ(brief(client.said()), "200 close:/p\n");
  EXPECT_EQ(client.log[2], "|");
}

TEST_F(Connection, ReadsALargeBodyWhereTheHandlerWantsIt) {
  const std::string body(60'000, 'x');
  const std::string whole = post(body);
  script client{whole.substr(0, 100), whole.substr(100), get};
  serve(client, [&](response& w, const request& r) {
    const auto got = r.read_all();
    w.text(got && *got == body ? "the same" : "something else");
  });
  EXPECT_EQ(brief(client.said()), "200:the same\n200:something else\n");
  EXPECT_EQ(client.log[1], "<<");
}

TEST_F(Connection, ReadsABodyInPiecesOfAnySize) {
  script client{post("hello world"), get};
  serve(client, [](response& w, const request& r) {
    std::string said;
    std::byte small[4];
    EXPECT_EQ(r.read({}), 0U);
    while (const auto got = r.read(small)) {
      said.append(reinterpret_cast<const char*>(small), *got).append("|");
    }
    EXPECT_EQ(r.read(small).error(), errc::end_of_stream);
    w.text(said);
  });
  EXPECT_EQ(brief(client.said()), "200:hell|o wo|rld|\n200:\n");
}

TEST_F(Connection, SendsContinueWhenTheHandlerReads) {
  const std::string head =
      "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  script client{head, "ab"};
  serve(client);
  EXPECT_EQ(client.log[1], ">HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(brief(client.log[3].substr(1)), "200:/p=ab\n");

  script eager{head + "ab"};
  serve(eager);
  EXPECT_EQ(brief(eager.said()), "200:/p=ab\n");

  script unread{head, "ab"};
  serve(unread, [](response& w, const request&) { w.status(403); });
  EXPECT_EQ(brief(unread.said()), "403 close:\n");
}

TEST_F(Connection, ReportsAnExceptionAndAnswers500) {
  script client{get + get};
  serve(client, [](response& w, const request&) {
    w.status(201).header("X", "y").text("half");
    throw std::runtime_error("no such table");
  });
  EXPECT_EQ(brief(client.said()), "500 close:500 Internal Server Error\n\n");
  EXPECT_EQ(reports_, std::vector<std::string>{"GET /a HTTP/1.1: no such table"});
}

TEST_F(Connection, ReportsWhatIsNoStandardException) {
  script client{get};
  serve(client, [](response&, const request&) { throw 7; });
  EXPECT_EQ(reports_,
            std::vector<std::string>{"GET /a HTTP/1.1: an exception that is no std::exception"});
}

TEST_F(Connection, CutsAnAnswerThatIsHalfSentWhenTheHandlerFails) {
  script client{get + get};
  serve(client, [](response& w, const request&) {
    w.text("half");
    EXPECT_TRUE(w.flush());
    throw std::runtime_error("too late");
  });
  EXPECT_TRUE(client.said().ends_with("4\r\nhalf\r\n")) << client.said();
  EXPECT_EQ(client.writes(), 1U);
}

TEST_F(Connection, ReportsAnAnswerShorterThanItsLength) {
  script client{get + get};
  serve(client, [](response& w, const request&) { w.header("Content-Length", "9").text("short"); });
  EXPECT_EQ(brief(client.said()), "500 close:500 Internal Server Error\n\n");
  EXPECT_EQ(reports_.size(), 1U);
}

TEST_F(Connection, EndsWhenItCannotWrite) {
  script client{get, get};
  client.broken = true;
  serve(client);
  EXPECT_EQ(client.log.size(), 1U);
}

TEST_F(Connection, SendsNothingBehindAWriteThatFailed) {
  script client{get + get, get};
  client.cut_write = 1;
  serve(client, [](response& w, const request&) {
    EXPECT_EQ(error_of(w.write(std::string(20'000, 'x'))), errc::deadline_exceeded);
    EXPECT_TRUE(w.write("gathered"));
    EXPECT_EQ(error_of(w.flush()), errc::deadline_exceeded);
    w.text(std::string(20'000, 'y'));
  });
  EXPECT_EQ(client.writes(), 1U);
  EXPECT_EQ(client.log.size(), 2U);  // it neither waits nor answers again
}

TEST_F(Connection, SendsNothingBehindAWriteThatFailedForAnEarlierAnswer) {
  script client{get + post(std::string(100, 'x')).substr(0, 60), std::string(100, 'x'), get};
  client.cut_write = 1;
  int answered = 0;
  serve(client, [&answered](response& w, const request& r) {
    (void)r.read_all();
    w.text(std::to_string(++answered));
  });
  EXPECT_EQ(client.writes(), 1U);
  EXPECT_EQ(answered, 2);
}

TEST_F(Connection, AnExchangeThatFailedIsGoodForTheNextConnection) {
  test_service shared(options_, echo);
  script bad{get};
  bad.cut_write = 1;
  connection(bad, shared, marker_).serve();
  script good{get};
  connection(good, shared, marker_).serve();
  EXPECT_EQ(brief(good.said()), "200:/a=\n");
}

TEST_F(Connection, GivesAnUnreadBodyOneTimeoutForAllOfIt) {
  script client{"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", "a", "b", "c", get};
  serve(client, [](response& w, const request&) { w.text("ok"); });
  // Request, three pieces, request; the one for another request is still far enough away.
  ASSERT_EQ(client.read_deadlines.size(), 5U);
  EXPECT_EQ(client.read_deadlines[1], client.read_deadlines[2]);
  EXPECT_EQ(client.read_deadlines[1], client.read_deadlines[3]);
  EXPECT_EQ(brief(client.said()), "200:ok\n200:ok\n");
}

TEST_F(Connection, GivesEachPieceThatAHandlerReadsATimeoutOfItsOwn) {
  options_.body_timeout = std::chrono::milliseconds(500);  // a long one would roll
  script client{"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", "a", "b"};
  serve(client);
  ASSERT_EQ(client.read_deadlines.size(), 4U);  // request, two pieces, request
  EXPECT_LT(client.read_deadlines[1], client.read_deadlines[2]);
}

TEST_F(Connection, SaysThatItClosesWhenTheServerStopsMeanwhile) {
  script client{get + get};
  test_service shared(options_, [&shared](response& w, const request&) {
    shared.stop = true;
    w.text("last");
  });
  connection(client, shared, marker_).serve();
  EXPECT_EQ(brief(client.said()), "200 close:last\n");
}

TEST_F(Connection, FinishesTheRequestInFlightWhenTheServerStops) {
  stop_ = true;
  script client{get + get};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200 close:/a=\n");
}

TEST_F(Connection, EndsInsteadOfWaitingWhenTheServerStops) {
  marker_.most_idle = 1;
  script client{get, get};
  serve(client);
  EXPECT_EQ(brief(client.said()), "200:/a=\n");
}

}  // namespace
}  // namespace sluice::http::detail
