// socket_call_posix.h: the shape of every call in socket_*.cc. For os/ only.
#pragma once

#include <cerrno>

#include "os/socket.h"
#include "os/syscall_count.h"

namespace sluice::os {

// Makes a counted system call, again when a signal came in between, and takes its error along.
template <class Call>
outcome counted(call kind, Call&& system_call) noexcept {
  for (;;) {
    count_call(kind);
    const auto value = system_call();
    if (value >= 0) return outcome(static_cast<std::int64_t>(value));
    if (errno != EINTR) return outcome(-static_cast<std::int64_t>(errno));
  }
}

}  // namespace sluice::os
