#include "sched/fiber_locals.h"

#include <atomic>

#include "sched/worker_tls.h"

namespace sluice::rt {

void destroy_locals(detail::fiber_locals*& locals) noexcept {
  if (locals == nullptr) return;
  while (!locals->entries.empty()) {
    const auto last = locals->entries.back();
    locals->entries.pop_back();
    last.destroy(last.value);
  }
  delete locals;
  locals = nullptr;
}

namespace {

detail::fiber_locals*& own_locals() noexcept {
  control_block* const self = this_fiber_or_null();
  return self != nullptr ? self->locals : plain_thread_locals();
}

}  // namespace
}  // namespace sluice::rt

namespace sluice::detail {

std::uint64_t new_local_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  // relaxed: only has to be different each time.
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void* local_find(const local_key& key) noexcept {
  const fiber_locals* const locals = rt::own_locals();
  if (locals == nullptr) return nullptr;
  for (const auto& entry : locals->entries) {
    if (entry.number == key.number) return entry.value;
  }
  return nullptr;
}

void local_insert(const local_key& key, void* value) {
  fiber_locals*& locals = rt::own_locals();
  if (locals == nullptr) locals = new fiber_locals;
  locals->entries.push_back({key.number, value, key.destroy});
}

}  // namespace sluice::detail
