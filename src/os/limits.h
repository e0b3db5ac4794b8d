// limits.h: what the system lets the process have.
#pragma once

#include "sluice/error.h"

namespace sluice::os {

// Raises the soft limit of open descriptors to the hard one.
//
//   Errors   the system's own; the limit is as it was.
//   Source   Go does so since 1.19: the low soft limit protects select(), which nothing here uses.
[[nodiscard]] result<void> raise_descriptor_limit() noexcept;

}  // namespace sluice::os
