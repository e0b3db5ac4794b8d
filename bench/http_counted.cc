// http_counted.cc: the greeting of examples/http_server from a server that tells its counters at
// SIGUSR1 (counters.h).
#include <sluice/http.h>
#include <sluice/sluice.h>

#include <cstdio>
#include <string_view>

#include "counters.h"
#include "flags.h"

int main(int argc, char** argv) {
  namespace http = sluice::http;
  const examples::flags flags(argc, argv, {{"listen", "127.0.0.1:0", "HOST:PORT to serve"}});
  http::mux mux;
  mux.handle("GET /{$}",
             [](http::response& w, const http::request&) { w.text("Hello, World!\n"); });
  http::server_options options;
  options.ready = [](std::string_view where) {
    std::printf("listening on %.*s\n", static_cast<int>(where.size()), where.data());
    std::fflush(stdout);
  };
  return sluice::run(
      [&] {
        if (auto kept = sluice::keep_signals({SIGUSR1}); !kept) return sluice::fail(kept.error());
        sluice::go(bench::report_counters);
        const auto served = http::serve(flags["listen"], mux, options);
        return served ? 0 : sluice::fail(served.error());
      },
      flags.run_options());
}
