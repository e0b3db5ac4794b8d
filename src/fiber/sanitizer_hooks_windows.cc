// sanitizer_hooks_windows.cc: none. The compiler that the library is built with there has no
// sanitizers, and an object file has no reference that may stay open.
#include "fiber/sanitizer.h"

namespace sluice::rt {

constinit const sanitizer_hooks hooks = {};

}  // namespace sluice::rt
