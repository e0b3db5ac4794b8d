// signal.h: signals as something that a fiber waits for, in straight-line code.
#pragma once

#include <initializer_list>

#include "sluice/error.h"

namespace sluice {

// From now on until run() returns, these signals are kept for wait_signal instead of doing what
// they did; for a program that announces that it is ready before its waiting fiber has run.
//
//   Blocks   never.
//   Errors   as wait_signal's; several are caught up to the first that cannot be
//   Threads  any fiber.
result<void> keep_signals(std::initializer_list<int> numbers);

// Waits until the process receives one of these signals:
//
//   const auto number = sluice::wait_signal({SIGTERM, SIGINT});
//
//   Returns  the signal's number. One that came since the first call which named it is returned at
//            once; several of one kind merge.
//   Blocks   the calling fiber, never its thread.
//   Errors   errc::operation_canceled        the fiber was asked to stop
//            std::errc::invalid_argument     a number that is no signal, or cannot be caught;
//                                            no number at all
//            errc::not_a_fiber               called from a plain thread
//            others as the system reports them
//   Threads  any fiber; of several that wait for one signal, one gets it. From the first call that
//            names a signal until run() returns, the signal does not do what it did before.
[[nodiscard]] result<int> wait_signal(std::initializer_list<int> numbers);

}  // namespace sluice
