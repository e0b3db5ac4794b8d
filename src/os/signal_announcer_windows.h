// signal_announcer_windows.h: whom a caught signal is announced to.
#pragma once

namespace sluice::os {

// From now on `announce` is called after each caught signal was noted, on the thread that it came
// on: one of the system's, or that of who raised it.
void announce_signals_by(void (*announce)() noexcept) noexcept;

}  // namespace sluice::os
