// signal_wait_windows.cc: the handler of a signal is an ordinary function on a thread here, so it
// wakes the waiting fibers by itself, without a descriptor in between.
#include "io/signal_wait.h"
#include "os/signal_announcer_windows.h"
#include "os/signals.h"
#include "sched/park.h"
#include "sync/change_bell.h"

namespace sluice {
namespace {

// Constant-initialised: a handler may run at any time.
constinit rt::change_bell bell;

void announce() noexcept { rt::change_bell::hold(bell).ring(); }

}  // namespace

result<int> await_signal(std::uint64_t mask) {
  os::announce_signals_by(&announce);
  rt::change_bell::hold held(bell);
  for (;;) {
    if (const int number = os::take_signal(mask); number != 0) return number;
    if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
    held.wait(rt::park_forever, true, rt::wait_kind::signal);
  }
}

}  // namespace sluice
