// http_server.cc: a greeting, an echo and the runtime's figures over HTTP/1.1, for Prometheus too.
//
//   http_server --listen 127.0.0.1:8080
//   curl http://127.0.0.1:8080/            curl -d 'some words' http://127.0.0.1:8080/echo
//   curl http://127.0.0.1:8080/metrics
#include <sluice/http.h>
#include <sluice/metrics.h>
#include <sluice/run.h>

#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "flags.h"

namespace {

namespace http = sluice::http;

void hello(http::response& w, const http::request&) { w.text("Hello, World!\n"); }

// Sends the body back while it comes, whatever its size.
void echo(http::response& w, const http::request& r) {
  if (const auto type = r.header("Content-Type"); !type.empty()) w.header("Content-Type", type);
  std::byte buffer[16 * 1024];
  while (const auto got = r.read(buffer)) {
    if (!w.write(std::span(buffer).first(*got))) return;
  }
}

void figures(http::response& w, const http::request&) {
  const auto runtime = sluice::stats();
  std::string json;
  const auto add = [&json](std::string_view name, std::uint64_t value) {
    json.append(json.empty() ? "{\"" : ", \"").append(name).append("\": ");
    json += std::to_string(value);
  };
  add("fibers", runtime.fibers);
  add("processors", runtime.processors);
  add("workers", runtime.workers);
  add("polls", runtime.polls);
  add("parks", runtime.parks);
  add("steals", runtime.steals);
  add("connections", http::stats().connections);
  w.json(json + "}\n");
}

void metrics(http::response& w, const http::request&) {
  w.header("Content-Type", sluice::debug::prometheus_type);
  w.text(sluice::debug::prometheus_text(sluice::debug::metrics()));
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv, {{"listen", "127.0.0.1:8080", "HOST:PORT to serve"}});
  http::mux mux;
  mux.handle("GET /{$}", hello);
  mux.handle("/echo", echo);
  mux.handle("GET /stats", figures);
  mux.handle("GET /metrics", metrics);
  http::server_options options;
  options.limits.max_body = http::no_limit;
  options.ready = [](std::string_view where) {
    std::printf("listening on %.*s\n", static_cast<int>(where.size()), where.data());
    std::fflush(stdout);
  };
  return sluice::run(
      [&] {
        const auto served = http::serve(flags["listen"], mux, options);
        return served ? 0 : sluice::fail(served.error());
      },
      flags.run_options());
}
