// fd_waits.h: how a call of fd_ops.h waits when it would block: the seam between the two kinds of
// backends. A readiness backend (fd_ops_readiness.cc) parks until the call is worth another try; a
// completion backend (fd_ops_completion.cc) has the system carry it out meanwhile.
//
// Whoever calls these has the direction's turn.
#pragma once

#include <optional>

#include "net/io_handle.h"
#include "os/socket.h"

namespace sluice::net {

// What a wait came to: give up; or the call is done, with this outcome; or, if neither, try again.
struct waited {
  std::optional<error> failed;
  std::optional<os::outcome> done;
};

struct fd_waits {
  // For something to read. Into `into`, unless that is empty.
  waited (*for_data)(io_handle& handle, os::read_buffer into) noexcept;
  // For room for some of `rest`.
  waited (*for_room)(io_handle& handle, os::write_buffer rest) noexcept;
  // For a connection to take. `peer` is written if it is taken.
  waited (*for_connection)(io_handle& listener, address& peer) noexcept;
  // Connects, waiting if it must.
  waited (*connect)(io_handle& handle, const address& where) noexcept;
};

extern const fd_waits readiness_waits;
extern const fd_waits completion_waits;

// Those of the running runtime's poller.
[[nodiscard]] inline const fd_waits& waits() noexcept {
  return rt::descriptors_complete() ? completion_waits : readiness_waits;
}

}  // namespace sluice::net
