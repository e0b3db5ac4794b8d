#include "http/response_writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "http/test_exchange_test.h"

namespace sluice::http {
namespace {

// What goes out when `say` answers under `terms`, in one piece.
std::string said(reply_terms terms, const std::function<void(response_writer&)>& say) {
  recording_sink to;
  outbox out(to);
  response_writer writer(out);
  terms.now = test_time;
  writer.begin(terms);
  say(writer);
  EXPECT_TRUE(writer.finish());
  EXPECT_TRUE(out.flush());
  return to.all();
}

const std::string ok = "HTTP/1.1 200 OK\r\n" + test_date;

TEST(ResponseWriter, AnswersWith200AndNothingByDefault) {
  EXPECT_EQ(said({}, [](response_writer&) {}), ok + "Content-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, CountsASmallBody) {
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   w.set_status(404);
                   w.set_header("X-A", "1");
                   EXPECT_TRUE(w.write("hel"));
                   EXPECT_TRUE(w.write("lo"));
                 }),
            "HTTP/1.1 404 Not Found\r\n" + test_date + "X-A: 1\r\nContent-Length: 5\r\n\r\nhello");
}

TEST(ResponseWriter, SendsALongBodyInChunks) {
  const std::string first(response_writer::buffer_size, 'a');
  EXPECT_EQ(
      said({},
           [&](response_writer& w) {
             EXPECT_TRUE(w.write(first));
             EXPECT_TRUE(w.open());
             EXPECT_TRUE(w.write("b"));
             EXPECT_FALSE(w.open());
             EXPECT_TRUE(w.write("cd"));
           }),
      ok + "Transfer-Encoding: chunked\r\n\r\n2001\r\n" + first + "b\r\n2\r\ncd\r\n0\r\n\r\n");
}

TEST(ResponseWriter, WritesLargeDataFromWhereItLies) {
  recording_sink to;
  outbox out(to);
  response_writer writer(out);
  writer.begin({.now = test_time});
  ASSERT_TRUE(writer.write(std::string(100'000, 'x')));
  ASSERT_EQ(to.writes.size(), 1U);
  EXPECT_TRUE(to.writes[0].starts_with(ok + "Transfer-Encoding: chunked\r\n\r\n186a0\r\nxxx"));
  ASSERT_TRUE(writer.finish());
  ASSERT_TRUE(out.flush());
  EXPECT_EQ(to.writes[1], "\r\n0\r\n\r\n");
}

TEST(ResponseWriter, FlushSendsWhatThereIsAtOnce) {
  recording_sink to;
  outbox out(to);
  response_writer writer(out);
  writer.begin({.now = test_time});
  ASSERT_TRUE(writer.write("a"));
  EXPECT_TRUE(to.writes.empty());
  ASSERT_TRUE(writer.flush());
  ASSERT_TRUE(writer.write("bc"));
  ASSERT_TRUE(writer.flush());
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(to.writes, (std::vector<std::string>{
                           ok + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "2\r\nbc\r\n"}));
}

TEST(ResponseWriter, GathersSmallChunks) {
  recording_sink to;
  outbox out(to);
  response_writer writer(out);
  writer.begin({.now = test_time});
  ASSERT_TRUE(writer.flush());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer.write("0123456789"));
  EXPECT_EQ(to.writes.size(), 1U);
  ASSERT_TRUE(writer.finish());
  ASSERT_TRUE(out.flush());
  EXPECT_TRUE(to.writes[1].starts_with("3e8\r\n"));
}

TEST(ResponseWriter, KeepsAContentLengthThatWasSet) {
  const std::string body(20'000, 'x');
  EXPECT_EQ(said({},
                 [&](response_writer& w) {
                   w.set_header("content-length", "20000");
                   EXPECT_TRUE(w.write(body));
                 }),
            ok + "Content-Length: 20000\r\n\r\n" + body);
}

TEST(ResponseWriter, RefusesMoreThanTheContentLength) {
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   w.set_header("Content-Length", "3");
                   EXPECT_EQ(w.write("abcd").error(), errc::limit_exceeded);
                   EXPECT_TRUE(w.write("abc"));
                   EXPECT_EQ(w.write("d").error(), errc::limit_exceeded);
                 }),
            ok + "Content-Length: 3\r\n\r\nabc");
}

TEST(ResponseWriter, ReportsLessThanTheContentLengthAndCloses) {
  recording_sink to;
  outbox out(to);
  response_writer writer(out);
  writer.begin({.now = test_time});
  writer.set_header("Content-Length", "3");
  ASSERT_TRUE(writer.write("ab"));
  const auto finished = writer.finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error(), errc::unexpected_end);
  EXPECT_EQ(finished.error().transferred(), 2U);
  EXPECT_FALSE(writer.keep_alive());
  EXPECT_TRUE(writer.open());  // so an error can still be said
}

TEST(ResponseWriter, EndsALongBodyFor10WithTheConnection) {
  const std::string body(20'000, 'x');
  EXPECT_EQ(said({.version_minor = 0, .keep_alive = true},
                 [&](response_writer& w) {
                   EXPECT_TRUE(w.write(body));
                   EXPECT_FALSE(w.keep_alive());
                 }),
            ok + "Connection: close\r\n\r\n" + body);
}

TEST(ResponseWriter, SaysWhatBecomesOfTheConnection) {
  const auto nothing = [](response_writer&) {};
  EXPECT_EQ(said({.keep_alive = false}, nothing),
            ok + "Content-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(said({.version_minor = 0, .keep_alive = true}, nothing),
            ok + "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(said({.version_minor = 0, .keep_alive = false}, nothing),
            ok + "Content-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(said({}, [](response_writer& w) { w.set_header("Connection", "Close"); }),
            ok + "Content-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(ResponseWriter, DropsTheBodyForHeadButCountsIt) {
  EXPECT_EQ(said({.head_only = true}, [](response_writer& w) { EXPECT_TRUE(w.write("hello")); }),
            ok + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(said({.head_only = true},
                 [](response_writer& w) { EXPECT_TRUE(w.write(std::string(20'000, 'x'))); }),
            ok + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(
      said({.head_only = true}, [](response_writer& w) { w.set_header("Content-Length", "7"); }),
      ok + "Content-Length: 7\r\n\r\n");
}

TEST(ResponseWriter, SendsNoBodyWith204And304) {
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   w.set_status(204);
                   EXPECT_EQ(w.write("x").error(), errc::not_supported);
                 }),
            "HTTP/1.1 204 No Content\r\n" + test_date + "\r\n");
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   EXPECT_TRUE(w.write("too early"));
                   w.set_status(304);
                   w.set_header("Content-Length", "7");
                 }),
            "HTTP/1.1 304 Not Modified\r\n" + test_date + "Content-Length: 7\r\n\r\n");
}

TEST(ResponseWriter, ReplacesHeadersAndAddsThem) {
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   w.set_header("X-A", "1");
                   w.add_header("Set-Cookie", "a=b");
                   w.add_header("set-cookie", "c=d");
                   w.set_header("x-a", "2");
                   w.set_header("Date", "today");
                 }),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nx-a: 2\r\nDate: today\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, RefusesHeadersThatWouldInjectOthers) {
  EXPECT_EQ(
      said({},
           [](response_writer& w) {
             for (const std::string& value : std::vector<std::string>{
                      "a\r\nX: b", "a\nX: b", "a\rb", std::string(1, 0), "\x7f"}) {
               EXPECT_THROW(w.set_header("X-A", value), std::invalid_argument);
               EXPECT_THROW(w.add_header("X-A", value), std::invalid_argument);
             }
             for (const char* name : {"", "X A", "X:", "X\r\nY", "X\xff"}) {
               EXPECT_THROW(w.set_header(name, "a"), std::invalid_argument);
             }
             for (const char* length : {"", "+1", "-1", "1 ", "0x1", "18446744073709551616"}) {
               EXPECT_THROW(w.set_header("Content-Length", length), std::invalid_argument);
             }
             EXPECT_THROW(w.set_header("Transfer-Encoding", "chunked"), std::invalid_argument);
             EXPECT_THROW(w.set_header("Connection", "upgrade"), std::invalid_argument);
             EXPECT_THROW(w.set_status(100), std::invalid_argument);
             EXPECT_THROW(w.set_status(1000), std::invalid_argument);
           }),
      ok + "Content-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, RefusesToChangeAHeadThatIsGone) {
  said({}, [](response_writer& w) {
    EXPECT_TRUE(w.flush());
    EXPECT_THROW(w.set_status(404), std::logic_error);
    EXPECT_THROW(w.set_header("X", "y"), std::logic_error);
    EXPECT_THROW(w.add_header("X", "y"), std::logic_error);
  });
}

TEST(ResponseWriter, ReplacesAnOpenResponseByAnError) {
  EXPECT_EQ(said({},
                 [](response_writer& w) {
                   w.set_header("X-A", "1");
                   EXPECT_TRUE(w.write("half an answer"));
                   w.replace_by_error(500, "");
                 }),
            "HTTP/1.1 500 Internal Server Error\r\n" + test_date +
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 26\r\n"
                "Connection: close\r\n\r\n500 Internal Server Error\n");
}

TEST(ResponseWriter, ReportsWhatTheSinkReports) {
  recording_sink to;
  to.failure = error(errc::deadline_exceeded);
  outbox out(to);
  response_writer writer(out);
  writer.begin({});
  EXPECT_EQ(writer.write(std::string(100'000, 'x')).error(), errc::deadline_exceeded);
}

}  // namespace
}  // namespace sluice::http
