// handle.h: what the system calls an open socket or file.
#pragma once

namespace sluice::os {

using native_handle = int;
inline constexpr native_handle no_handle = -1;

}  // namespace sluice::os
