// listener_state.h: what stands behind a net::listener; on the heap, so that accepts which are
// under way do not mind the listener being moved.
#pragma once

#include <optional>
#include <string>

#include "net/fd_ops.h"
#include "sluice/net/handle.h"
#include "sync/change_bell.h"

namespace sluice::net {

struct listener_state {
  io_handle_ptr handle;
  accept_state accepting;
  address local;
  // A Unix listener's file: removed at the end if it is still ours.
  std::optional<os::file_identity> file;
  // Rings when it closes, and when a connection that serve() started has ended.
  rt::change_bell bell;

  result<void> close() noexcept;
  ~listener_state() { static_cast<void>(close()); }
};

}  // namespace sluice::net
