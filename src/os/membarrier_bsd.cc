// membarrier_bsd.cc: macOS has no such call, and the BSDs have it lately or not at all; the
// protocols use their form with a fence on both sides.
#include "base/bug.h"
#include "os/membarrier.h"

namespace sluice::os {

bool register_membarrier() noexcept { return false; }

void membarrier() noexcept { bug("membarrier is used on a system that has none"); }

}  // namespace sluice::os
