// handle.h: what a stream and a listener hold; nothing here is for programs.
#pragma once

#include <memory>

namespace sluice::net {
class io_handle;
struct listener_state;
}  // namespace sluice::net

namespace sluice::detail {

struct net_deleter {
  void operator()(net::io_handle* handle) const noexcept;
  void operator()(net::listener_state* listener) const noexcept;
};
using io_handle_ptr = std::unique_ptr<net::io_handle, net_deleter>;
using listener_state_ptr = std::unique_ptr<net::listener_state, net_deleter>;

}  // namespace sluice::detail
