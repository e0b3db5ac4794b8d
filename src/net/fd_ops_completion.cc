// fd_ops_completion.cc: waiting on a backend that carries the call out meanwhile.
//
// A call that need not wait is made directly here too: it takes one system call either way, and
// no park. A plain thread, which cannot park on a descriptor, gets the same answers everywhere.
#include "net/fd_waits.h"
#include "sched/park.h"

namespace sluice::net {
namespace {

using kind = rt::operation::kind;
using rt::wait_kind;

waited perform(io_handle& handle, direction side, rt::operation& asked, wait_kind why) noexcept {
  const auto outcome = rt::descriptor_perform(handle.desc(), side, asked, why);
  if (!outcome) return {.failed = outcome.error(), .done = {}};
  // Cut short, but not by us: the call is to be made again.
  if (outcome->is_cancelled()) return {};
  return {.failed = {}, .done = *outcome};
}

waited for_data(io_handle& handle, os::read_buffer into) noexcept {
  rt::operation asked(into.empty() ? kind::await_data : kind::receive, handle.fd());
  asked.data = into;
  waited came = perform(handle, direction::read, asked, wait_kind::read);
  // That there is something to read says nothing of what; but an error is told once.
  if (into.empty() && came.done && came.done->ok()) came.done.reset();
  return came;
}

waited for_room(io_handle& handle, os::write_buffer rest) noexcept {
  rt::operation asked(kind::send, handle.fd());
  // The system only reads it.
  asked.data = {const_cast<std::byte*>(rest.data()), rest.size()};
  waited came = perform(handle, direction::write, asked, wait_kind::write);
  // Not every backend can send what has to wait.
  if (came.failed && *came.failed == errc::not_supported) {
    return readiness_waits.for_room(handle, rest);
  }
  return came;
}

waited for_connection(io_handle& listener, address& peer) noexcept {
  rt::operation asked(kind::accept, listener.fd());
  waited came = perform(listener, direction::read, asked, wait_kind::accept);
  if (came.done && came.done->ok()) peer = os::decode_address(asked.address);
  return came;
}

waited connect(io_handle& handle, const address& where) noexcept {
  // A local connect is never under way: it is done, or the backlog is full, of which nobody tells.
  if (rt::this_fiber_or_null() == nullptr || !where.is_ip()) {
    return readiness_waits.connect(handle, where);
  }
  rt::operation asked(kind::connect, handle.fd());
  asked.address = os::encode_address(where);
  waited came = perform(handle, direction::write, asked, wait_kind::dial);
  // It was cut short, though not by us, and asked for again.
  if (came.done && came.done->in_progress()) return readiness_waits.connect(handle, where);
  return came;
}

}  // namespace

constinit const fd_waits completion_waits = {for_data, for_room, for_connection, connect};

}  // namespace sluice::net
