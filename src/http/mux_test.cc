#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "http/test_exchange_test.h"
#include "sluice/http.h"

namespace sluice::http {
namespace {

// A handler that says which pattern was chosen, and the values of x and y.
handler named(const std::string& name) {
  return [name](response& w, const request& r) {
    w.text(name + "|" + r.path_value("x") + "|" + r.path_value("y"));
  };
}

class Mux : public testing::Test {
 protected:
  void add(std::initializer_list<const char*> patterns) {
    for (const char* one : patterns) mux_.handle(one, named(one));
  }

  std::string whole(std::string_view method, std::string_view target) {
    return answer([this](response& w, const request& r) { mux_(w, r); },
                  request_for(method, target));
  }

  // The body of a 200, else the status.
  std::string get(std::string_view target, std::string_view method = "GET") {
    const std::string said = whole(method, target);
    if (!said.starts_with("HTTP/1.1 200 ")) return said.substr(9, 3);
    return said.substr(said.find("\r\n\r\n") + 4);
  }

  std::string header(std::string_view name, std::string_view method, std::string_view target) {
    const std::string said = whole(method, target);
    const std::size_t from = said.find("\r\n" + std::string(name) + ": ");
    if (from == std::string::npos) return "(none)";
    const std::size_t value = from + name.size() + 4;
    return said.substr(value, said.find("\r\n", value) - value);
  }

  mux mux_;
};

TEST_F(Mux, GivesTheValuesOfWildcards) {
  add({"/hello/{x}", "/two/{x}/{y}", "/files/{x...}"});
  EXPECT_EQ(get("/hello/world"), "/hello/{x}|world|");
  EXPECT_EQ(get("/two/a/b?x=q"), "/two/{x}/{y}|a|b");
  EXPECT_EQ(get("/files/"), "/files/{x...}||");
  EXPECT_EQ(get("/files/a/b/"), "/files/{x...}|a/b/|");
  EXPECT_EQ(get("/hello"), "404");
  EXPECT_EQ(get("/hello/"), "404");
  EXPECT_EQ(get("/two/a"), "404");
}

TEST_F(Mux, PrefersTheMostSpecificPattern) {
  add({"/", "/{$}", "/a", "/{x}", "/a/", "/a/{x}", "/a/b", "/a/{x}/c", "GET /a/b"});
  EXPECT_EQ(get("/"), "/{$}||");
  EXPECT_EQ(get("/a"), "/a||");
  EXPECT_EQ(get("/z"), "/{x}|z|");
  EXPECT_EQ(get("/a/"), "/a/||");
  EXPECT_EQ(get("/a/z"), "/a/{x}|z|");
  EXPECT_EQ(get("/a/b"), "GET /a/b||");
  EXPECT_EQ(get("/a/b", "PUT"), "/a/b||");
  EXPECT_EQ(get("/a/b/c"), "/a/{x}/c|b|");
  EXPECT_EQ(get("/a/b/d"), "/a/||");
  EXPECT_EQ(get("/y/z"), "/||");
}

TEST_F(Mux, ForgetsTheValuesOfABranchThatFailed) {
  add({"/a/{x}/c", "/{x}/{y...}"});
  EXPECT_EQ(get("/a/b/d"), "/{x}/{y...}|a|b/d");
}

TEST_F(Mux, AnEscapedSlashSeparatesNothing) {
  add({"/one/{x}", "/rest/{x...}", "/lit/a b"});
  EXPECT_EQ(get("/one/a%2Fb"), "/one/{x}|a/b|");
  EXPECT_EQ(get("/rest/..%2f..%2Fetc/%41"), "/rest/{x...}|..%2F..%2Fetc/A|");
  EXPECT_EQ(get("/lit/a%20b"), "/lit/a b||");
  EXPECT_EQ(get("/%6Fne/a"), "/one/{x}|a|");
  EXPECT_EQ(get("/one%2Fa"), "404");
}

TEST_F(Mux, ServesHeadFromGetWithoutTheBody) {
  add({"GET /a"});
  const std::string head = whole("HEAD", "/a");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(head.find("Content-Length: 8\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(Mux, PrefersAHeadPatternForHead) {
  mux_.handle("GET /a", [](response& w, const request&) { w.status(201); });
  mux_.handle("HEAD /a", [](response& w, const request&) { w.status(202); });
  EXPECT_EQ(get("/a", "HEAD"), "202");
  EXPECT_EQ(get("/a", "GET"), "201");
}

TEST_F(Mux, AnswersTheWrongMethodWithAllow) {
  add({"GET /a", "POST /a", "DELETE /{x}"});
  EXPECT_EQ(get("/a", "PUT"), "405");
  EXPECT_EQ(header("Allow", "PUT", "/a"), "DELETE, GET, HEAD, POST");
  EXPECT_EQ(header("Allow", "GET", "/b"), "DELETE");
  EXPECT_EQ(get("/a/b", "PUT"), "404");
  EXPECT_EQ(header("Allow", "PUT", "/a/b"), "(none)");
}

TEST_F(Mux, RedirectsToTheCleanPath) {
  add({"/a/b", "/dir/"});
  EXPECT_EQ(get("/a//b"), "301");
  EXPECT_EQ(header("Location", "GET", "/x/../a/%2e/b?q=1"), "/a/b?q=1");
  EXPECT_EQ(get("/a//b", "POST"), "308");
  EXPECT_EQ(header("Location", "GET", "/.//\\evil.example"), "/%5Cevil.example");
}

TEST_F(Mux, RedirectsToADirectory) {
  add({"/dir/", "/", "/file"});
  EXPECT_EQ(header("Location", "GET", "/dir?q"), "/dir/?q");
  EXPECT_EQ(get("/dir/"), "/dir/||");
  EXPECT_EQ(get("/dir/below"), "/dir/||");
  EXPECT_EQ(get("/file"), "/file||");
  EXPECT_EQ(get("/other"), "/||");
}

TEST_F(Mux, NeverRedirectsToAnotherHost) {
  add({"/{x}/y/"});
  EXPECT_EQ(header("Location", "GET", "/\\evil.example/y"), "/%5Cevil.example/y/");
}

TEST_F(Mux, AnswersOptionsForTheWholeServer) {
  add({"/"});
  EXPECT_TRUE(whole("OPTIONS", "*").starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Mux, RefusesPatternsThatConflict) {
  add({"/a/{x}", "GET /b", "/same"});
  for (const char* one : {"/a/{y}", "/{x}/b", "/same", "GET /b", "POST /{x}/c"}) {
    EXPECT_THROW(mux_.handle(one, named(one)), std::logic_error) << one;
  }
  EXPECT_THROW(mux_.handle("/c", handler()), std::invalid_argument);
  EXPECT_EQ(get("/q/b"), "404");  // nothing of a refused pattern is left behind
}

TEST_F(Mux, TellsAHandlerAllAboutTheRequest) {
  mux_.handle("/p", [](response& w, const request& r) {
    std::string said;
    for (const header_field& line : r.headers()) said.append(line.name).append(";");
    said.append(r.method()).append(r.target()).append(r.path()).append("?").append(r.query());
    said.append(r.host()).append(r.header("x-a")).append(r.header("none"));
    EXPECT_TRUE(r.has_header("X-B"));
    EXPECT_FALSE(r.has_header("X-C"));
    EXPECT_EQ(r.version_minor(), 1);
    EXPECT_EQ(r.content_length(), std::nullopt);
    w.text(said);
  });
  const std::string got =
      answer([this](response& w, const request& r) { mux_(w, r); },
             "GET /p?q=1 HTTP/1.1\r\nHost: h:1\r\nX-A: one\r\nx-a: two\r\nX-B:\r\n\r\n");
  EXPECT_TRUE(got.ends_with("\r\n\r\nHost;X-A;x-a;X-B;GET/p?q=1/p?q=1h:1one")) << got;
}

}  // namespace
}  // namespace sluice::http
