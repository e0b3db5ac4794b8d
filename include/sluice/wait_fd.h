// wait_fd.h: waiting for a descriptor of somebody else's: of a library that brings its own sockets
// and says when to call it again.
//
//   while (PQconnectPoll(db) == PGRES_POLLING_READING) {
//     if (auto ready = sluice::wait_fd(PQsocket(db), sluice::fd_events::read); !ready) break;
//   }
#pragma once

#include <cstdint>

#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice {

// What to wait for; a set.
enum class fd_events : std::uint8_t {
  none = 0,
  read = 1,   // a read would not wait: there is data, the end, or an error
  write = 2,  // the same of a write; also how a connect that was begun ends
  both = read | write,
};

[[nodiscard]] constexpr fd_events operator|(fd_events a, fd_events b) noexcept {
  return static_cast<fd_events>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr fd_events operator&(fd_events a, fd_events b) noexcept {
  return static_cast<fd_events>(static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b));
}

// Waits until a descriptor is ready for one of `events`. It need not be non-blocking, and nothing
// about it is changed; whose it is goes on as if nobody had looked. Several fibers may wait for
// one descriptor; it must stay open meanwhile: closing it elsewhere need not end the wait, as it
// does that of a stream of sluice.
//
//   Returns  those of `events` that it is ready for now, at least one; after a hang-up or an error
//            that is all of them, and the call that follows tells. A plain file always is.
//   Blocks   the calling fiber, never its thread.
//   Errors   errc::deadline_exceeded         `until`, or the end of a scope, has passed; what is
//                                            ready already is returned also when `until` has
//            errc::operation_canceled        the fiber was asked to stop
//            std::errc::bad_file_descriptor  it is not open
//            std::errc::invalid_argument     no event is asked for
//            errc::not_a_fiber               called from a plain thread
//            std::errc::too_many_files_open  the wait needs a descriptor of its own
//            errc::not_supported             on Windows, yet
//   Threads  any fiber.
[[nodiscard]] result<fd_events> wait_fd(int fd, fd_events events, deadline until = {}) noexcept;

}  // namespace sluice
