// server.h: accepts connections, gives each a fiber, and ends them in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/connection.h"
#include "http/live_connections.h"
#include "sluice/net/listener.h"

namespace sluice::http::detail {

// Owned by serve() and by every connection, since a connection may still be on its way out of this
// object when serve() has seen the last one go.
class server final : public service, public std::enable_shared_from_this<server> {
 public:
  server(net::listener&& listener, const server_options& chosen, const handler& answering)
      : service(chosen, answering), listener_(std::move(listener)) {}

  // Serves until it is stopped and the last connection is gone.
  result<void> run(bool stop_on_signals);

  // Begins to stop. Any fiber; does not wait for connections.
  void stop() noexcept;

  std::int64_t now() noexcept override;
  bool stopping() noexcept override { return connections_.stopping(); }
  void report(std::string_view request_line, std::string_view what) noexcept override;

 private:
  result<void> accept_all();
  bool start(net::stream&& accepted);
  void serve_one(net::stream& carrier) noexcept;
  void wind_up() noexcept;

  net::listener listener_;
  live_connections connections_;
};

}  // namespace sluice::http::detail
