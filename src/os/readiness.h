// readiness.h: whether a call on a descriptor of anybody's would wait, asked by a system call that
// does not.
#pragma once

#include "os/handle.h"
#include "sluice/error.h"
#include "sluice/wait_fd.h"

namespace sluice::os {

// Returns  those of `wanted` that are there at this moment; none if a call would have to wait.
// Errors   std::errc::bad_file_descriptor; errc::not_supported where the system cannot tell.
[[nodiscard]] result<fd_events> ready_now(native_handle handle, fd_events wanted) noexcept;

// Returns  another number for the same open file or socket, not passed on to children; to be closed
//          by the caller.
[[nodiscard]] result<native_handle> duplicate(native_handle handle) noexcept;

}  // namespace sluice::os
