// listener_access.h: the way from a listener to its state and back, for those in this folder.
#pragma once

#include "net/listener_state.h"
#include "sluice/net/listener.h"

namespace sluice::net {

struct listener_access {
  static listener make(detail::listener_state_ptr state) noexcept {
    return listener(std::move(state));
  }
  // Null for a listener that was moved from.
  static listener_state* state_of(listener& from) noexcept { return from.state_.get(); }
};

}  // namespace sluice::net
