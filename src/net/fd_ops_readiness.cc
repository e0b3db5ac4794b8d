// fd_ops_readiness.cc: waiting on a backend that says when a call is worth another try.
#include "net/fd_waits.h"

namespace sluice::net {
namespace {

using rt::wait_kind;

waited until_ready(io_handle& handle, direction side, wait_kind kind) noexcept {
  return {.failed = rt::descriptor_wait(handle.desc(), side, handle.fd(), kind), .done = {}};
}

waited for_data(io_handle& handle, os::read_buffer) noexcept {
  return until_ready(handle, direction::read, wait_kind::read);
}

waited for_room(io_handle& handle, os::write_buffer) noexcept {
  return until_ready(handle, direction::write, wait_kind::write);
}

waited for_connection(io_handle& listener, address&) noexcept {
  return until_ready(listener, direction::read, wait_kind::accept);
}

// A connect that would block is waited for as a write is.
waited connect_or_wait(io_handle& handle, const address& where) noexcept {
  const os::outcome started = os::connect(handle.fd(), where);
  if (!started.in_progress()) return {.failed = {}, .done = started};
  for (;;) {
    waited ready = until_ready(handle, direction::write, wait_kind::dial);
    if (ready.failed) return ready;
    const os::outcome status = os::pending_error(handle.fd());
    if (status.is_connected()) return {.failed = {}, .done = status};
    if (!status.ok() && !status.in_progress()) return {.failed = {}, .done = status};
    // No error may mean not yet: a report can be spurious. Only a connected socket has a peer.
    if (status.ok() && os::remote_address(handle.fd())) return {.failed = {}, .done = status};
  }
}

}  // namespace

constinit const fd_waits readiness_waits = {for_data, for_room, for_connection, connect_or_wait};

}  // namespace sluice::net
