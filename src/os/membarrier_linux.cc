#include "os/membarrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"
#include "os/syscall_count.h"

namespace sluice::os {
namespace {

long issue(int command) noexcept {
  count_call(call::other);
  return ::syscall(SYS_membarrier, command, 0, 0);
}

}  // namespace

bool register_membarrier() noexcept {
  return issue(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void membarrier() noexcept {
  // After a registration it does not fail; were it to, the protocols built on it would be broken.
  check(issue(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0, "membarrier failed after its registration");
}

}  // namespace sluice::os
