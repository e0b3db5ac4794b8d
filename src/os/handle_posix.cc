#include "os/handle.h"

#include <unistd.h>

#include "os/syscall_count.h"

namespace sluice::os {

void close_handle(native_handle handle) noexcept {
  count_call(call::other);
  ::close(handle);
}

}  // namespace sluice::os
