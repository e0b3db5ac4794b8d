// listener.h: waiting for connections, and making them.
#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/net/address.h"
#include "sluice/net/handle.h"
#include "sluice/net/stream.h"

namespace sluice::net {

struct listen_options {
  // Connections that wait for an accept; the system bounds it (net.core.somaxconn).
  int backlog = 4096;
  // Lets a port be listened on again at once after its last listener is gone.
  bool reuse_address = true;
};

// Move-only; the destructor closes. Threads and moved-from calls: as net::stream.
class listener {
 public:
  listener() noexcept = default;
  listener(listener&&) noexcept = default;
  listener& operator=(listener&&) noexcept = default;
  ~listener() = default;

  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

  // Waits for the next connection.
  //
  //   Returns  its stream, with no_delay on for TCP.
  //   Blocks   the calling fiber. Connections that were aborted while they waited are passed over.
  //            Without a free descriptor it backs off, 5 ms to 1 s, and tries again at each of our
  //            own closes too; it says so once on the standard error.
  //   Errors   errc::closed              the listener was closed, by any fiber
  //            errc::deadline_exceeded   at once, even if a connection waits
  //            errc::operation_canceled  the fiber was asked to stop
  //            others as the system reports them
  //   Threads  any number of fibers; each waits for its turn.
  [[nodiscard]] result<stream> accept() noexcept;

  // As stream::set_deadline, for accept.
  result<void> set_deadline(deadline when) noexcept;

  // Returns  where it listens, with the real port when 0 was asked for; no address without one.
  // Blocks   never. Threads: safe beside everything.
  [[nodiscard]] address local_address() const;

  // Stops listening: accepts that wait fail with errc::closed, connections that nobody has accepted
  // are reset, the path of a Unix socket is removed. When it returns, the port is free.
  //
  //   Returns  nothing.
  //   Blocks   until accepts that are under way have left.
  //   Errors   errc::closed  it has been closed before
  //   Threads  safe beside everything.
  result<void> close() noexcept;

  // Returns  how often an accept found no free descriptor. Threads: any.
  [[nodiscard]] std::uint64_t times_exhausted() const noexcept;

  // Returns  the system's descriptor, -1 without one; it stays the listener's.
  [[nodiscard]] int native_handle() noexcept;

 private:
  friend struct listener_access;
  explicit listener(detail::listener_state_ptr state) noexcept : state_(std::move(state)) {}

  detail::listener_state_ptr state_;
};

// Listens on "host:port", "[::1]:port", ":port" (every interface, both IP versions), or the path of
// a Unix socket, or "@name". Port 0: the system chooses. A socket file that nobody listens on any
// more is replaced; a live one is not.
//
//   Returns  the listener.
//   Blocks   never.
//   Errors   as "listen tcp 127.0.0.1:7000: address already in use":
//            errc::invalid_address, errc::name_lookup (a name other than "localhost"),
//            std::errc::address_in_use, others as the system reports them
//   Threads  any, while run() is on.
[[nodiscard]] result<listener> listen(network net, std::string_view where,
                                      const listen_options& options = {});

struct dial_options {
  // When to give up.
  sluice::deadline deadline = sluice::deadline::none();
};

// Connects. The address is as for listen; an empty host is this machine; "localhost" tries
// 127.0.0.1, then ::1.
//
//   Returns  the connection, with no_delay on for TCP.
//   Blocks   the calling fiber until the peer answers, a full backlog has room, or the deadline.
//   Errors   as "dial tcp 127.0.0.1:1: connection refused":
//            errc::invalid_address, errc::name_lookup, errc::deadline_exceeded,
//            errc::operation_canceled, std::errc::connection_refused, others as the system reports
//            them; with several addresses, the first one's error
//   Threads  any fiber.
[[nodiscard]] result<stream> dial(network net, std::string_view where,
                                  const dial_options& options = {});

}  // namespace sluice::net
