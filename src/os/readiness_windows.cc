// readiness_windows.cc: a socket of somebody else's cannot be waited for here yet. It must not be
// tied to a completion port of ours: it could never be tied to another one again.
#include "os/readiness.h"

namespace sluice::os {

result<fd_events> ready_now(native_handle, fd_events) noexcept {
  return std::unexpected(error(errc::not_supported));
}

result<native_handle> duplicate(native_handle) noexcept {
  return std::unexpected(error(errc::not_supported));
}

}  // namespace sluice::os
