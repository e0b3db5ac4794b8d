// Every malformed or ambiguous request that we know by name, as raw bytes, cut at every position.
#include <gtest/gtest.h>

#include <string>

#include "http/parse/parser_driver_test.h"

namespace sluice::http::parse {
namespace {

struct refusal_case {
  const char* name;
  std::string bytes;
  int status;
};

std::ostream& operator<<(std::ostream& out, const refusal_case& c) { return out << c.name; }

const std::string get = "GET / HTTP/1.1\r\n";
const std::string host = "Host: h\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
const std::string nul(1, '\0');

class RefusedRequest : public testing::TestWithParam<refusal_case> {};

TEST_P(RefusedRequest, GetsTheSameAnswerHoweverItIsCut) {
  // What follows must never be taken for a request.
  const seen_stream stream =
      parse_every_way(GetParam().bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(stream.status, GetParam().status) << stream;
  for (const seen_request& request : stream.requests) {
    EXPECT_FALSE(request.complete) << stream;
    EXPECT_NE(request.target, "/smuggled");
  }
}

std::string name_of(const testing::TestParamInfo<refusal_case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    RequestLine, RefusedRequest,
    testing::Values(
        refusal_case{"LeadingSpace", " " + get + host + "\r\n", 400},
        refusal_case{"LeadingTab", "\t" + get + host + "\r\n", 400},
        refusal_case{"LeadingLineFeed", "\n" + get + host + "\r\n", 400},
        refusal_case{"LeadingBareCr", "\r" + get + host + "\r\n", 400},
        refusal_case{"TwoEmptyLines", "\r\n\r\n" + get + host + "\r\n", 400},
        refusal_case{"NulFirst", nul + get + host + "\r\n", 400},
        refusal_case{"TlsHello", "\x16\x03\x01\x02", 400},
        refusal_case{"TwoSpacesBeforeTarget", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"TwoSpacesAfterTarget", "GET /  HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"TabForSpace", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"TrailingSpace", "GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
        refusal_case{"SpaceInTarget", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"NulInTarget", "GET /a" + nul + " HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"ControlInTarget", "GET /a\x1b HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"DelInTarget", "GET /a\x7f HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"HighByteInTarget", "GET /\xc3\xa9 HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"NulInMethod", "GE" + nul + "T / HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"ColonInMethod", "GET: / HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"BareLf", "GET / HTTP/1.1\n" + host + "\r\n", 400},
        refusal_case{"BareCr", "GET / HTTP/1.1\r" + host + "\r\n", 400},
        refusal_case{"CrInTarget", "GET /\rx HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"NoVersion", "GET /\r\n\r\n", 400},
        refusal_case{"NoVersionBareLf", "GET /\n\n", 400},
        refusal_case{"EmptyVersion", "GET / \r\n" + host + "\r\n", 400},
        refusal_case{"WordForVersion", "GET / HTTP/one\r\n" + host + "\r\n", 400},
        refusal_case{"TwoDigitMajor", "GET / HTTP/11.1\r\n" + host + "\r\n", 400},
        refusal_case{"TwoDigitMinor", "GET / HTTP/1.10\r\n" + host + "\r\n", 400},
        refusal_case{"LowerCaseHttp", "GET / http/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"Rtsp", "OPTIONS / RTSP/1.0\r\n" + host + "\r\n", 400},
        refusal_case{"Ice", "SOURCE / ICE/1.0\r\n" + host + "\r\n", 400},
        refusal_case{"UnknownMethod", "BREW / HTTP/1.1\r\n" + host + "\r\n", 501},
        refusal_case{"LowerCaseMethod", "get / HTTP/1.1\r\n" + host + "\r\n", 501},
        refusal_case{"MethodWithTail", "GETS / HTTP/1.1\r\n" + host + "\r\n", 501},
        refusal_case{"LongMethod", std::string(40, 'A') + " / HTTP/1.1\r\n" + host + "\r\n", 501},
        refusal_case{"Connect", "CONNECT h:443 HTTP/1.1\r\n" + host + "\r\n", 501},
        refusal_case{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        refusal_case{"Http2Get", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
        refusal_case{"Http3", "GET / HTTP/3.0\r\n" + host + "\r\n", 505},
        refusal_case{"Http12", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
        refusal_case{"Http09", "GET / HTTP/0.9\r\n" + host + "\r\n", 505}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Target, RefusedRequest,
    testing::Values(
        refusal_case{"Fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"FragmentInQuery", "GET /a?b#c HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"RelativePath", "GET a/b HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"AuthorityForm", "GET h:80 HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"AsteriskForGet", "GET * HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"AsteriskWithTail", "OPTIONS *x HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"ForeignScheme", "GET ftp://h/ HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"NoAuthority", "GET http:///a HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"UserInformation", "GET http://u:p@h/ HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"AbsoluteWithoutHost", "GET http://h/ HTTP/1.1\r\n\r\n", 400},
        refusal_case{"EscapeCutOff", "GET /a%4 HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"EscapeWithoutDigits", "GET /a%zz HTTP/1.1\r\n" + host + "\r\n", 400},
        refusal_case{"EscapedNul", "GET /a%00 HTTP/1.1\r\n" + host + "\r\n", 400}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    HeaderLines, RefusedRequest,
    testing::Values(refusal_case{"FoldedBySpace", get + host + "X: a\r\n b\r\n\r\n", 400},
                    refusal_case{"FoldedByTab", get + host + "X: a\r\n\tb\r\n\r\n", 400},
                    refusal_case{"FoldedEmptyValue", get + host + "X:\r\n b\r\n\r\n", 400},
                    refusal_case{"FoldedCoding",
                                 post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400},
                    refusal_case{"FoldedLength", post + "Content-Length: 1\r\n 2\r\n\r\n", 400},
                    refusal_case{"SpaceBeforeFirstHeader", get + " X: a\r\n" + host + "\r\n", 400},
                    refusal_case{"SpaceBeforeColon", get + "Host : h\r\n\r\n", 400},
                    refusal_case{"TabBeforeColon", get + host + "X\t: a\r\n\r\n", 400},
                    refusal_case{"SpaceBeforeColonOfCoding",
                                 post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
                    refusal_case{"EmptyName", get + host + ": a\r\n\r\n", 400},
                    refusal_case{"NoColon", get + host + "X\r\n\r\n", 400},
                    refusal_case{"SpaceInName", get + host + "X Y: a\r\n\r\n", 400},
                    refusal_case{"HighByteInName", get + host + "X\xff: a\r\n\r\n", 400},
                    refusal_case{"SlashInName", get + host + "X/Y: a\r\n\r\n", 400},
                    refusal_case{"NulInName", get + host + "X" + nul + ": a\r\n\r\n", 400},
                    refusal_case{"NulInValue", get + host + "X: a" + nul + "b\r\n\r\n", 400},
                    refusal_case{"ControlInValue",
                                 get + host +
                                     "X: a\x0b"
                                     "b\r\n\r\n",
                                 400},
                    refusal_case{"DelInValue", get + host + "X: a\x7f\r\n\r\n", 400},
                    refusal_case{"BareLfInValue", get + host + "X: a\nY: b\r\n\r\n", 400},
                    refusal_case{"BareCrInValue", get + host + "X: a\rY: b\r\n\r\n", 400},
                    refusal_case{"CrCrLf", get + host + "X: a\r\r\n\r\n", 400},
                    refusal_case{"BareLfAtEnd", get + host + "\n", 400},
                    refusal_case{"BareCrAtEnd", get + host + "\r", 400}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Host, RefusedRequest,
    testing::Values(refusal_case{"Missing", get + "\r\n", 400},
                    refusal_case{"MissingAmongOthers", get + "X: a\r\nHosts: h\r\n\r\n", 400},
                    refusal_case{"Twice", get + host + host + "\r\n", 400},
                    refusal_case{"TwiceInOtherCase", get + host + "hOST: g\r\n\r\n", 400},
                    refusal_case{"TwiceIn10", "GET / HTTP/1.0\r\n" + host + host + "\r\n", 400},
                    refusal_case{"WithSpace", get + "Host: a b\r\n\r\n", 400},
                    refusal_case{"WithComma", get + "Host: a, b\r\n\r\n", 400},
                    refusal_case{"WithSlash", get + "Host: a/b\r\n\r\n", 400},
                    refusal_case{"WithUser", get + "Host: u@h\r\n\r\n", 400},
                    refusal_case{"WithQuestionMark", get + "Host: h?x\r\n\r\n", 400},
                    refusal_case{"WithBackslash", get + "Host: h\\x\r\n\r\n", 400},
                    refusal_case{"WithHighByte", get + "Host: \xc3\xa9\r\n\r\n", 400},
                    refusal_case{"WithBadEscape", get + "Host: a%4\r\n\r\n", 400},
                    refusal_case{"PortNotANumber", get + "Host: h:8o\r\n\r\n", 400},
                    refusal_case{"PortTooLarge", get + "Host: h:65536\r\n\r\n", 400},
                    refusal_case{"PortAlone", get + "Host: :80\r\n\r\n", 400},
                    refusal_case{"TwoPorts", get + "Host: h:1:2\r\n\r\n", 400},
                    refusal_case{"UnclosedBracket", get + "Host: [::1\r\n\r\n", 400},
                    refusal_case{"EmptyBrackets", get + "Host: []\r\n\r\n", 400},
                    refusal_case{"TailAfterBracket", get + "Host: [::1]x\r\n\r\n", 400}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Framing, RefusedRequest,
    testing::Values(
        refusal_case{"LengthAndCoding",
                     post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"CodingAndLength",
                     post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"EmptyCodingAndLength",
                     post + "Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc", 400},
        refusal_case{"TwoEqualLengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                     400},
        refusal_case{"TwoLengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                     400},
        refusal_case{"LengthZeroThenThree",
                     post + "Content-Length: 0\r\nContent-Length: 3\r\n\r\nabc", 400},
        refusal_case{"ListOfLengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400},
        refusal_case{"LengthWithPlus", post + "Content-Length: +3\r\n\r\nabc", 400},
        refusal_case{"LengthWithMinus", post + "Content-Length: -3\r\n\r\nabc", 400},
        refusal_case{"LengthWithSpaceInside", post + "Content-Length: 3 3\r\n\r\nabc", 400},
        refusal_case{"LengthInHex", post + "Content-Length: 0x3\r\n\r\nabc", 400},
        refusal_case{"LengthWithPoint", post + "Content-Length: 3.0\r\n\r\nabc", 400},
        refusal_case{"LengthQuoted", post + "Content-Length: \"3\"\r\n\r\nabc", 400},
        refusal_case{"EmptyLength", post + "Content-Length:\r\n\r\nabc", 400},
        refusal_case{"BlankLength", post + "Content-Length: \t \r\n\r\nabc", 400},
        refusal_case{"LengthOverflow64", post + "Content-Length: 18446744073709551619\r\n\r\nabc",
                     400},
        refusal_case{"LengthOfManyDigits",
                     post + "Content-Length: " + std::string(40, '9') + "\r\n\r\nabc", 400},
        refusal_case{"LengthOverTheLimit", post + "Content-Length: 1048577\r\n\r\nabc", 413},
        refusal_case{"CodingIn10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"CodingIn10WithKeepAlive",
                     "POST / HTTP/1.0\r\nConnection: keep-alive\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"EmptyCoding", post + "Transfer-Encoding:\r\n\r\n", 400},
        refusal_case{"Gzip", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
        refusal_case{"Identity", post + "Transfer-Encoding: identity\r\n\r\n", 501},
        refusal_case{"GzipThenChunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                     501},
        refusal_case{"GzipLineThenChunkedLine",
                     post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "0\r\n\r\n",
                     400},
        refusal_case{"ChunkedThenGzip", post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"ChunkedTwice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"TwoChunkedLines",
                     post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "0\r\n\r\n",
                     400},
        refusal_case{"ChunkedLineThenIdentityLine",
                     post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
                            "0\r\n\r\n",
                     400},
        refusal_case{"ChunkedWithPrefix", post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
        refusal_case{"ChunkedWithTail", post + "Transfer-Encoding: chunkedx\r\n\r\n", 501},
        refusal_case{"ChunkedQuoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
        refusal_case{"ChunkedWithParameter", post + "Transfer-Encoding: chunked;q=1\r\n\r\n", 501},
        refusal_case{"ChunkedThenComma", post + "Transfer-Encoding: chunked,\r\n\r\n", 400},
        refusal_case{"CommaThenChunked", post + "Transfer-Encoding: ,chunked\r\n\r\n", 501},
        refusal_case{"ChunkedWithVerticalTab",
                     post + "Transfer-Encoding: \x0b"
                            "chunked\r\n\r\n0\r\n\r\n",
                     400},
        refusal_case{"ChunkedThenTab", post + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", 400},
        refusal_case{"OtherExpectation", post + "Expect: the-worst\r\n\r\n", 417},
        refusal_case{"TwoExpectations",
                     post + "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 400}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Chunks, RefusedRequest,
    testing::Values(
        refusal_case{"NoSize", chunked + "\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SizeNotHex", chunked + "g\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SizeWith0x", chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SizeWithPlus", chunked + "+3\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SizeWithMinus", chunked + "-3\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SpaceBeforeSize", chunked + " 3\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SpaceAfterSize", chunked + "3 \r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"TabAfterSize", chunked + "3\t\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SpaceBeforeExtension", chunked + "3 ;a=b\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SpaceInExtension", chunked + "3; a=b\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"ExtensionWithoutName", chunked + "3;\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"NulInExtension", chunked + "3;a" + nul + "\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"BareLfInExtension", chunked + "3;a\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"BareCrInExtension", chunked + "3;a\rb\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"UnclosedQuote", chunked + "3;a=\"b\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"BareLfAfterSize", chunked + "3\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"BareCrAfterSize", chunked + "3\rabc\r\n0\r\n\r\n", 400},
        refusal_case{"DataLongerThanSize", chunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
        refusal_case{"DataShorterThanSize", chunked + "4\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"BareLfAfterData", chunked + "3\r\nabc\n0\r\n\r\n", 400},
        refusal_case{"BareCrAfterData", chunked + "3\r\nabc\r0\r\n\r\n", 400},
        refusal_case{"SizeOverflow64", chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"SizeOverTheLimit", chunked + "100001\r\nabc\r\n0\r\n\r\n", 413},
        refusal_case{"LargestSize", chunked + "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", 413},
        refusal_case{"SecondSizeOverflowsTheSum",
                     chunked + "3\r\nabc\r\nfffffffffffffffe\r\nabc\r\n0\r\n\r\n", 413},
        refusal_case{"EndlessZeros", chunked + std::string(300, '0') + "3\r\nabc\r\n0\r\n\r\n",
                     400},
        refusal_case{"EndlessExtension",
                     chunked + "3;" + std::string(300, 'a') + "\r\nabc\r\n0\r\n\r\n", 400},
        refusal_case{"EndlessZerosAtTheEnd",
                     chunked + "3\r\nabc\r\n" + std::string(300, '0') + "\r\n\r\n", 400},
        refusal_case{"FoldedTrailer", chunked + "0\r\nX: a\r\n b\r\n\r\n", 400},
        refusal_case{"BareLfInTrailer", chunked + "0\r\nX: a\n\r\n", 400},
        refusal_case{"BareLfForTheEnd", chunked + "0\r\n\n", 400},
        refusal_case{"BareCrForTheEnd", chunked + "0\r\n\r", 400},
        refusal_case{"NulInTrailer", chunked + "0\r\nX: " + nul + "\r\n\r\n", 400},
        refusal_case{"TrailerWithoutColon", chunked + "0\r\nX\r\n\r\n", 400},
        refusal_case{"LengthInTrailer", chunked + "0\r\nContent-Length: 3\r\n\r\n", 400},
        refusal_case{"CodingInTrailer", chunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        refusal_case{"HostInTrailer", chunked + "0\r\nHost: g\r\n\r\n", 400},
        refusal_case{"TrailerTooLarge", chunked + "0\r\nX: " + std::string(4096, 'a') + "\r\n\r\n",
                     431}),
    name_of);

// Small limits, so that every position of the excess is tried.
limits small() {
  limits bounds;
  bounds.max_head = 80;
  bounds.max_target = 10;
  bounds.max_headers = 3;
  bounds.max_body = 4;
  bounds.max_chunk_line = 6;
  bounds.max_trailer = 12;
  return bounds;
}

int status_of(const std::string& bytes) { return parse_every_way(bytes, small()).status; }

TEST(RefusedByLimit, OneByteOverEachOfThem) {
  const std::string value(80 - get.size() - host.size() - 7, 'a');
  EXPECT_EQ(status_of(get + host + "X: " + value + "\r\n\r\n"), 0);
  EXPECT_EQ(status_of(get + host + "X: a" + value + "\r\n\r\n"), 431);
  EXPECT_EQ(status_of("GET /123456789 HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET /1234567890 HTTP/1.0\r\n\r\n"), 414);
  EXPECT_EQ(status_of(get + host + "A: 1\r\nB: 2\r\n\r\n"), 0);
  EXPECT_EQ(status_of(get + host + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n"), 431);
  EXPECT_EQ(status_of(post + "Content-Length: 4\r\n\r\nabcd"), 0);
  EXPECT_EQ(status_of(post + "Content-Length: 5\r\n\r\nabcde"), 413);
  EXPECT_EQ(status_of(chunked + "4\r\nabcd\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"), 413);
  EXPECT_EQ(status_of(chunked + "0001\r\na\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "1\r\na\r\n0001\r\na\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "1\r\na\r\n00001\r\na\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status_of(chunked + "0\r\nABC: abc\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "0\r\nABCD: abc\r\n\r\n"), 431);
}

TEST(RefusedByLimit, ATargetThatFillsTheWholeHeadIsTheTargetsFault) {
  limits bounds = small();
  bounds.max_target = 1000;
  EXPECT_EQ(parse_every_way("GET /" + std::string(200, 'a'), bounds).status, 414);
}

TEST(RefusedByLimit, ALineThatIsTooLongIsRefusedBeforeWhatItSays) {
  EXPECT_EQ(status_of(chunked + "5;aaaaaaaaaaaaaa\r\nabcde\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status_of(chunked + "1\r\na\r\n5;aaaaaaaaa\xf4\r\nabcde\r\n0\r\n\r\n"), 400);
}

TEST(RefusedByLimit, TheFirstChunkLineHasNoLineEndToExcuse) {
  EXPECT_EQ(status_of(chunked + "000001\r\na\r\n0\r\n\r\n"), 0);
  EXPECT_EQ(status_of(chunked + "0000001\r\na\r\n0\r\n\r\n"), 400);
}

}  // namespace
}  // namespace sluice::http::parse
