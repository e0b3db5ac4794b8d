// http_consumer.cc: the program of somebody who serves HTTP with an installed sluice: a route with
// a parameter, asked for over a connection, and a server that stops when its fiber is asked to.
#include <sluice/http.h>
#include <sluice/sluice.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace http = sluice::http;

std::string ask(const sluice::net::address& where) {
  std::string heard;
  auto client = sluice::net::dial(sluice::net::tcp, where.to_string());
  if (!client ||
      !client->write("GET /greet/you HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")) {
    return heard;
  }
  while (const auto chunk = client->receive()) heard += chunk->text();
  return heard;
}

bool serves() {
  auto listener = sluice::net::listen(sluice::net::tcp, "127.0.0.1:0");
  if (!listener) return false;
  const sluice::net::address where = listener->local_address();
  http::mux routes;
  routes.handle("GET /greet/{name}", [](http::response& w, const http::request& r) {
    w.text("hello, " + std::string(r.path_value("name")));
  });
  sluice::fiber server([&] { return http::serve(std::move(*listener), routes).has_value(); });
  const std::string heard = ask(where);
  server.request_stop();
  const auto served = server.join();
  return served && *served && heard.starts_with("HTTP/1.1 200 OK\r\n") &&
         heard.ends_with("\r\n\r\nhello, you");
}

}  // namespace

int main() {
  sluice::run_options options;
  options.processors = 4;
  if (!sluice::run(serves, options)) {
    std::puts("consumer: HTTP is wrong");
    return 1;
  }
  std::puts("consumer: ok");
  return 0;
}
