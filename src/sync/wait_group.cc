#include "sluice/sync/wait_group.h"

#include "base/bug.h"
#include "sluice/fiber.h"

namespace sluice {

wait_group::~wait_group() {
#ifndef NDEBUG
  if (left_.is_awaited()) misuse("a wait_group was destroyed while somebody waits for it");
#endif
}

void wait_group::add(std::size_t count) {
  if (!left_.add(count)) detail::throw_logic_error("sluice: a wait_group counts to 2^31 - 1");
}

void wait_group::done() noexcept {
  if (!left_.take_away(1)) misuse("done() of a wait_group without its add()");
}

}  // namespace sluice
