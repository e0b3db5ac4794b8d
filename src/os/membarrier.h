// membarrier.h: makes every running thread of the process execute a full memory fence, so that the
// other side of a two-sided protocol needs none.
#pragma once

namespace sluice::os {

// Announces that the process will use membarrier().
//
//   Returns  false where the system has no such call, or refuses it (a sandbox, an emulator): the
//            caller then needs a protocol with a fence on both sides.
[[nodiscard]] bool register_membarrier() noexcept;

// After register_membarrier() has returned true. Each other thread of the process has executed a
// full fence between the call's begin and its end, or was not running.
void membarrier() noexcept;

}  // namespace sluice::os
