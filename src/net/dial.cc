// dial.cc: from the text of an address to a connection.
#include <optional>

#include "net/fd_ops.h"
#include "net/resolve.h"
#include "net/stream_maker.h"
#include "sluice/net/listener.h"

namespace sluice::net {
namespace {

// A dial to a free port of this machine may meet itself: the system gives it that very port, and
// two SYNs that cross make a connection. Nobody wants that one.
constexpr int most_self_connects = 3;

bool is_self_connected(io_handle& handle, const address& where) {
  if (!where.is_ip()) return false;
  const auto own = os::local_address(handle.fd());
  return own && *own == where;
}

result<io_handle_ptr> connect_once(const address& where, deadline limit) {
  const os::outcome opened = os::open_stream(where.which());
  if (!opened.ok()) return std::unexpected(opened.failure());
  os::socket_traits traits;
  traits.family = where.which();
  traits.is_stream = true;
  traits.short_read_drains = where.is_ip();
  auto made = io_handle::create(opened.handle(), traits);
  if (!made) return made;
  io_handle& handle = **made;

  // Nobody else knows the handle, so these two cannot find it closed.
  static_cast<void>(handle.set_deadline(direction::write, limit));
  if (auto connected = net::connect(handle, where); !connected) {
    return std::unexpected(connected.error());
  }
  static_cast<void>(handle.set_deadline(direction::write, deadline::none()));
  return made;
}

result<stream> dial_one(const address& where, deadline limit) {
  for (int i = 0; i < most_self_connects; ++i) {
    auto made = connect_once(where, limit);
    if (!made) return std::unexpected(made.error());
    io_handle& handle = **made;
    if (is_self_connected(handle, where)) continue;
    if (where.is_ip()) {
      const os::outcome done = os::set_option(handle.fd(), os::socket_option::no_delay, 1);
      if (!done.ok()) return std::unexpected(done.failure());
    }
    handle.remote = where;
    return stream_maker::make(std::move(*made));
  }
  return std::unexpected(error(std::errc::connection_refused));
}

// What no other address would change.
bool is_final(const error& why) {
  return why == errc::deadline_exceeded || why == errc::operation_canceled ||
         why == errc::not_a_fiber;
}

result<stream> dial_any(network net, std::string_view where, const dial_options& options) {
  const auto endpoints = resolve(net, where, purpose::dial);
  if (!endpoints) return std::unexpected(endpoints.error());
  std::optional<error> first;
  for (const endpoint& next : *endpoints) {
    auto made = dial_one(next.where, options.deadline);
    if (made) return made;
    if (is_final(made.error())) return made;
    if (!first) first = made.error();
  }
  return std::unexpected(*first);
}

}  // namespace

result<stream> dial(network net, std::string_view where, const dial_options& options) {
  auto made = dial_any(net, where, options);
  if (made) return made;
  return std::unexpected(made.error().with_context(std::string("dial ") += net.name(), where));
}

}  // namespace sluice::net
