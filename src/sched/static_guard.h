// static_guard.h: function-local statics that fibers can share; see static_guard.cc.
#pragma once

namespace sluice::rt {

// Does nothing. Called by whoever starts the runtime: an object file that nobody refers to is not
// taken out of a static library, and then the C++ runtime's own guards stay in force.
void static_guard_anchor() noexcept;

}  // namespace sluice::rt
