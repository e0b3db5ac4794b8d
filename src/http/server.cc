#include "http/server.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <utility>

#include "http/stream_transport.h"
#include "sluice/fiber.h"
#include "sluice/signal.h"

namespace sluice::http {
namespace detail {
namespace {

// Figures for stats(): relaxed, nothing else depends on them.
std::atomic<std::uint64_t> open_connections{0};
std::atomic<std::uint64_t> accepted_connections{0};

// What a server without memory for another stack waits before it tries again.
constexpr std::chrono::milliseconds breather{10};

}  // namespace

std::int64_t server::now() noexcept {
  // Whole seconds as of the last tick, at a third of the clock's price.
  return std::time(nullptr);
}

void server::report(std::string_view request_line, std::string_view what) noexcept {
  std::fprintf(stderr, "sluice: http: %.*s: %.*s\n", static_cast<int>(request_line.size()),
               request_line.data(), static_cast<int>(what.size()), what.data());
}

result<void> server::run(bool stop_on_signals) {
  // Waits beside the accepting; it ends with this scope, if no signal comes before.
  fiber<> watcher;
  if (stop_on_signals) {
    // Before `ready` tells anybody.
    if (auto kept = keep_signals({SIGTERM, SIGINT}); !kept) return kept;
    watcher = fiber([self = shared_from_this()] {
      if (wait_signal({SIGTERM, SIGINT})) self->stop();
    });
  }
  if (options.ready) options.ready(listener_.local_address().to_string());
  const result<void> ended = accept_all();
  wind_up();
  return ended;
}

result<void> server::accept_all() {
  for (;;) {
    if (!connections_.wait_for_room(options.max_connections)) return {};
    auto accepted = listener_.accept();
    if (!accepted) {
      const error& why = accepted.error();
      const bool asked = why == errc::closed || why == errc::operation_canceled;
      return asked ? result<void>() : std::unexpected(why);
    }
    if (!start(std::move(*accepted)) && !sleep_for(breather)) return {};
  }
}

bool server::start(net::stream&& accepted) {
  connections_.arrived();
  accepted_connections.fetch_add(1, std::memory_order_relaxed);
  open_connections.fetch_add(1, std::memory_order_relaxed);
  constexpr auto serve_connection = [](const std::shared_ptr<server>& self, net::stream&& given) {
    {
      net::stream carrier(std::move(given));
      self->serve_one(carrier);
    }
    // Not before the descriptor is free.
    open_connections.fetch_sub(1, std::memory_order_relaxed);
    self->connections_.gone();
  };
  const auto started = try_go(serve_connection, shared_from_this(), std::move(accepted));
  if (started) return true;
  report("a connection was refused", started.error().message());
  open_connections.fetch_sub(1, std::memory_order_relaxed);
  connections_.gone();
  return false;
}

void server::serve_one(net::stream& carrier) noexcept {
  live_connection marker(connections_, carrier);
  stream_transport wrapped(carrier);
  try {
    connection(wrapped, *this, marker).serve();
  } catch (const std::exception& thrown) {
    // Handlers' exceptions do not come here: this is memory, for the connection itself.
    report("a connection was cut", thrown.what());
  }
}

void server::stop() noexcept {
  connections_.stop();
  (void)listener_.close();
}

void server::wind_up() noexcept {
  stop();
  if (connections_.wait_until_gone(deadline::in(options.drain))) return;
  connections_.cut();
  (void)connections_.wait_until_gone(deadline::none());
}

}  // namespace detail

server_stats stats() noexcept {
  return {.connections = detail::open_connections.load(std::memory_order_relaxed),
          .accepted = detail::accepted_connections.load(std::memory_order_relaxed)};
}

}  // namespace sluice::http
