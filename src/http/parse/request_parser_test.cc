// What is accepted, and what comes out of it. Refusals are in request_refusal_test.cc.
#include "http/parse/request_parser.h"

#include <gtest/gtest.h>

#include "http/parse/parser_driver_test.h"

namespace sluice::http::parse {
namespace {

using strings = std::vector<std::string>;

// The only request of `bytes`, which must be complete and accepted.
seen_request one(std::string_view bytes, const limits& bounds = {}) {
  const seen_stream stream = parse_every_way(bytes, bounds);
  EXPECT_EQ(stream.status, 0) << stream.reason;
  EXPECT_EQ(stream.requests.size(), 1U);
  if (stream.requests.empty()) return {};
  EXPECT_TRUE(stream.requests[0].complete);
  return stream.requests[0];
}

TEST(RequestParser, GivesTheHeadOfAGet) {
  const seen_request request =
      one("GET /a/b?x=1&y=%20 HTTP/1.1\r\nHost: example.com:8080\r\nX-Empty:\r\n"
          "X-Spaced: \t two words \t \r\n\r\n");
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a/b?x=1&y=%20");
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "x=1&y=%20");
  EXPECT_EQ(request.authority, "example.com:8080");
  EXPECT_EQ(request.version_minor, 1);
  EXPECT_EQ(request.fields, (strings{"Host=example.com:8080", "X-Empty=", "X-Spaced=two words"}));
  EXPECT_TRUE(request.keep_alive);
  EXPECT_EQ(request.body, "");
}

TEST(RequestParser, GivesABodyOfAKnownLength) {
  const seen_request request = one("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(request.body, "hello");
}

TEST(RequestParser, TakesALengthOfZeroForNoBody) {
  EXPECT_EQ(one("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").body, "");
}

TEST(RequestParser, JoinsTheChunksOfAChunkedBody) {
  const seen_request request =
      one("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nhello\r\n00001\r\n,\r\nA;name=value\r\n 123456789\r\n0\r\n\r\n");
  EXPECT_EQ(request.body, "hello, 123456789");
}

TEST(RequestParser, TakesCodingNamesInAnyCase) {
  const seen_request request = one(
      "POST /p HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING: ChUnKeD \r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(request.body, "abc");
}

TEST(RequestParser, DropsTrailers) {
  const seen_request request =
      one("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nabc\r\n0\r\nX-Sum: 17\r\nX-More: \r\n\r\n");
  EXPECT_EQ(request.body, "abc");
  EXPECT_EQ(request.fields, (strings{"Host=h", "Transfer-Encoding=chunked"}));
}

TEST(RequestParser, KeepsBinaryBodiesAsTheyAre) {
  const std::string body("\0\r\n\r\nGET / HTTP/1.1\r\n\xff", 22);
  const std::string head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  EXPECT_EQ(one(head + std::to_string(body.size()) + "\r\n\r\n" + body).body, body);
}

TEST(RequestParser, SeparatesPipelinedRequests) {
  const seen_stream stream = parse_every_way(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /4 HTTP/1.0\r\n\r\n");
  ASSERT_EQ(stream.requests.size(), 4U) << stream;
  EXPECT_EQ(stream.status, 0);
  EXPECT_EQ(stream.requests[0].target, "/1");
  EXPECT_EQ(stream.requests[1].body, "abc");
  EXPECT_EQ(stream.requests[2].body, "de");
  EXPECT_EQ(stream.requests[3].target, "/4");
}

TEST(RequestParser, SkipsOneEmptyLineBeforeARequest) {
  EXPECT_EQ(one("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").target, "/");
}

TEST(RequestParser, KnowsWhoWishesToKeepTheConnection) {
  EXPECT_TRUE(one("GET / HTTP/1.1\r\nHost: h\r\n\r\n").keep_alive);
  EXPECT_FALSE(one("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").keep_alive);
  EXPECT_FALSE(one("GET / HTTP/1.1\r\nHost: h\r\nConnection: x , CLOSE\t\r\n\r\n").keep_alive);
  EXPECT_TRUE(one("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n").keep_alive);
  EXPECT_FALSE(one("GET / HTTP/1.0\r\n\r\n").keep_alive);
  EXPECT_TRUE(one("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  EXPECT_FALSE(
      one("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
}

TEST(RequestParser, IgnoresAnOfferToUpgrade) {
  const seen_stream stream = parse_every_way(
      "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  ASSERT_EQ(stream.requests.size(), 2U) << stream;
  EXPECT_EQ(stream.requests[1].body, "x");
}

TEST(RequestParser, KnowsWhoWaitsFor100Continue) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n";
  EXPECT_TRUE(one(head + "Content-Length: 1\r\n\r\nx").expect_continue);
  EXPECT_FALSE(one(head + "\r\n").expect_continue);  // nothing to wait for
  EXPECT_FALSE(
      one("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx").expect_continue);
}

TEST(RequestParser, UnderstandsTheAbsoluteForm) {
  const seen_request request = one("GET HTTP://example.com:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(request.path, "/p");
  EXPECT_EQ(request.query, "q");
  EXPECT_EQ(request.authority, "example.com:81");
  EXPECT_EQ(one("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").path, "/");
  const seen_request bare = one("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(bare.path, "/");
  EXPECT_EQ(bare.query, "q");
}

TEST(RequestParser, UnderstandsTheAsteriskForm) {
  EXPECT_EQ(one("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
}

TEST(RequestParser, TakesEverySpellingOfAHost) {
  for (const char* host : {"", "h", "a.b-c_d~e:80", "1.2.3.4:65535", "[::1]", "[fe80::1]:8080",
                           "h:", "xn--bcher-kva.example", "a%41b"}) {
    EXPECT_EQ(one("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").authority, host);
  }
}

TEST(RequestParser, TakesAHeadOfExactlyTheLimits) {
  limits bounds;
  bounds.max_target = 4;
  bounds.max_headers = 2;
  bounds.max_body = 3;
  const std::string bytes = "PUT /abc HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
  bounds.max_head = bytes.size();
  EXPECT_EQ(one(bytes + "xyz", bounds).body, "xyz");
}

TEST(RequestParser, TakesChunksOfExactlyTheLimits) {
  limits bounds;
  bounds.max_body = 5;
  bounds.max_chunk_line = 7;
  bounds.max_trailer = 8;
  const seen_request request =
      one("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
          "00002\r\nab\r\n3;a=b\r\ncde\r\n0;a=b\r\nA: b\r\n\r\n",
          bounds);
  EXPECT_EQ(request.body, "abcde");
}

TEST(RequestParser, SaysWhetherARequestHasBegun) {
  const limits bounds;  // the driver refers to it
  parser_driver driver(bounds);
  EXPECT_FALSE(driver.parser().begun());
  driver.feed("\r");
  EXPECT_TRUE(driver.parser().begun());
  driver.feed("\nGET / HTTP/1.0\r\n");
  EXPECT_TRUE(driver.parser().begun());
  driver.feed("\r\n");
  EXPECT_FALSE(driver.parser().begun());
}

TEST(RequestParser, CountsABodyThatIsReadPastIt) {
  const limits bounds;
  request_parser parser(bounds);
  (void)parser.read_head("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(parser.body_left(), 5U);
  parser.skip_body(4);
  EXPECT_TRUE(parser.body_pending());
  EXPECT_EQ(parser.read_body("xyz").consumed, 1U);
  EXPECT_FALSE(parser.body_pending());
}

}  // namespace
}  // namespace sluice::http::parse
