// serve.cc: the public doors of the server.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "http/server.h"
#include "sluice/http.h"
#include "sluice/net/listener.h"

namespace sluice::http {
namespace {

// The mux stays the caller's.
handler run_of(const mux& routes) {
  return [&routes](response& w, const request& r) { routes(w, r); };
}

result<void> serve_on(net::listener&& listener, const handler& run, const server_options& options,
                      bool stop_on_signals) {
  const auto made = std::make_shared<detail::server>(std::move(listener), options, run);
  return made->run(stop_on_signals);
}

}  // namespace

result<void> serve(net::listener&& listener, const handler& run, const server_options& options) {
  return serve_on(std::move(listener), run, options, options.stop_on_signals.value_or(false));
}

result<void> serve(net::listener&& listener, const mux& routes, const server_options& options) {
  return serve(std::move(listener), run_of(routes), options);
}

result<void> serve(std::string_view address, const handler& run, const server_options& options) {
  auto listener = net::listen(net::tcp, address);
  if (!listener) return std::unexpected(listener.error());
  return serve_on(std::move(*listener), run, options, options.stop_on_signals.value_or(true));
}

result<void> serve(std::string_view address, const mux& routes, const server_options& options) {
  return serve(address, run_of(routes), options);
}

}  // namespace sluice::http
