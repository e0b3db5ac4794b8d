#include "os/limits.h"

namespace sluice::os {

// There is no such limit: handles end with the system's memory.
result<void> raise_descriptor_limit() noexcept { return {}; }

}  // namespace sluice::os
