#include "sluice/sync/latch.h"

#include <stdexcept>

#include "base/bug.h"

namespace sluice {

void latch::refuse() {
  throw std::invalid_argument("sluice: a latch expects between 0 and 2^31 - 1 arrivals");
}

latch::~latch() {
#ifndef NDEBUG
  if (left_.is_awaited()) misuse("a latch was destroyed while somebody waits for it");
#endif
}

void latch::count_down(std::ptrdiff_t count) noexcept {
  if (count < 0) misuse("a latch was counted down by a negative number");
  // Nothing more is expected of an open one.
  if (count == 0) return;
  if (!left_.take_away(static_cast<std::size_t>(count))) {
    misuse("more arrivals at a latch than it expects");
  }
}

}  // namespace sluice
