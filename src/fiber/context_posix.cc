#include "fiber/context.h"

namespace sluice::rt {

// No system but Windows asks where a stack lies.
void set_stack_bounds(context&, const void*, const void*) noexcept {}

}  // namespace sluice::rt
