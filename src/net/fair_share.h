// fair_share.h: how long one direction of a descriptor may go on without a wait. A connection whose
// data never runs out, a peer that reads as fast as we write, a backlog that refills: each would
// keep its processor for itself, since a call that succeeds does not park.
//
// Guarded by the direction's turn.
#pragma once

#include "sched/runtime.h"
#include "sluice/fiber.h"

namespace sluice::net {

class fair_share {
 public:
  // Calls in a row that need not wait before others are let in.
  static constexpr unsigned limit = 64;

  // Before each call.
  void use() noexcept {
    if (is_over()) yield();
  }
  // The call has waited: others have had their turn.
  void waited() noexcept { used_ = 0; }

  // Counts one call; true: time to let others run.
  [[nodiscard]] bool is_over() noexcept {
    if (++used_ <= limit || rt::switched.no_fair_share) return false;
    used_ = 1;
    return true;
  }

 private:
  unsigned used_ = 0;
};

}  // namespace sluice::net
