// park_probe.h: waiting until a fiber waits.
#pragma once

#include <atomic>

#include "sched/park.h"
#include "sluice/fiber.h"

namespace sluice::testing {

// Tells when a fiber has parked: the fiber calls enter(), somebody else waits for the park.
class park_probe {
 public:
  void enter() { who_.store(rt::this_fiber_or_null()); }

  // Returns once the fiber waits for `kind`.
  void await(rt::wait_kind kind) const {
    for (;;) {
      const rt::control_block* who = who_.load();
      if (who != nullptr && who->word.is_parked() && who->waiting_for.load() == kind) return;
      yield();
    }
  }

 private:
  std::atomic<rt::control_block*> who_{nullptr};
};

}  // namespace sluice::testing
