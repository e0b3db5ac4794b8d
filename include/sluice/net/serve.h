// serve.h: one fiber for each connection, the whole server loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>

#include "sluice/error.h"
#include "sluice/net/listener.h"
#include "sluice/net/stream.h"

namespace sluice::net {

struct serve_options {
  // Connections served at the same time; at the limit nothing is accepted until one has ended, and
  // the others wait in the listener's backlog. At least 1.
  std::size_t max_connections = std::numeric_limits<std::size_t>::max();
  // How long connections may go on after the listener was closed or the fiber was asked to stop.
  // Then theirs are asked to stop too, with whatever they have begun in their scope (scope.h).
  std::chrono::nanoseconds drain = std::chrono::seconds(10);
};

// Accepts connections until the listener is closed, and runs handler(stream) for each in a fiber of
// its own. An exception that leaves the handler ends the program, as with go(). A connection for
// which no fiber can be had (errc::no_stack) is closed.
//
//   Returns  nothing once the listener was closed; every handler has returned by then.
//   Blocks   the calling fiber, for as long as it serves and drains. The last wait, for handlers
//            that do not heed the request to stop, has no limit.
//   Errors   errc::operation_canceled  the calling fiber was asked to stop; handlers have returned
//            errc::deadline_exceeded   the listener's deadline
//            others as listener::accept reports them; the listener stays open after an error
//   Threads  any fiber; the handler is called by many at once.
result<void> serve(listener& from, const std::function<void(stream)>& handler,
                   const serve_options& options = {});

}  // namespace sluice::net
