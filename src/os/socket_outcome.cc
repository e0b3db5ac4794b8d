// socket_outcome.cc: what an error number means to whoever made the call. The numbers are errno's
// everywhere; Windows's own are translated on their way in (error_windows.h).
#include <cerrno>

#include "os/socket.h"

namespace sluice::os {

outcome outcome::no_memory() noexcept { return outcome(-ENOMEM); }
bool outcome::would_block() const noexcept { return value_ == -EAGAIN || value_ == -EWOULDBLOCK; }
bool outcome::in_progress() const noexcept { return value_ == -EINPROGRESS || value_ == -EALREADY; }
bool outcome::is_connected() const noexcept { return value_ == -EISCONN; }
bool outcome::is_refused() const noexcept { return value_ == -ECONNREFUSED; }
// A thread of the kernel that sleeps in an operation is woken by a signal to it alone: EINTR.
bool outcome::is_cancelled() const noexcept { return value_ == -ECANCELED || value_ == -EINTR; }
bool outcome::is_taken() const noexcept { return value_ == -EADDRINUSE; }
bool outcome::is_exhausted() const noexcept {
  return value_ == -EMFILE || value_ == -ENFILE || value_ == -ENOBUFS || value_ == -ENOMEM;
}

}  // namespace sluice::os
