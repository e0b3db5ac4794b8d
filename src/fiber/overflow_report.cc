#include "fiber/overflow_report.h"

#include <atomic>
#include <cstdlib>

#include "base/raw_message.h"

namespace sluice::rt {
namespace {

// Written before any fiber runs, read by the handler. relaxed: one word that publishes nothing.
std::atomic<describe_fiber> describe_with{nullptr};

void add_name(raw_message& to, const stack_pool::place& where) noexcept {
  const describe_fiber describe = describe_with.load(std::memory_order_relaxed);
  if (describe == nullptr) {
    to.add("fiber ").add(std::uint64_t{where.index});
  } else {
    to.take(describe(*where.pool, where.index, to.room()));
  }
}

}  // namespace

std::optional<stack_pool::place> overflow_of(const void* touched,
                                             const void* stack_pointer) noexcept {
  const auto hit = stack_pool::find(touched);
  if (!hit || !hit->in_guard) return std::nullopt;
  const auto running = stack_pool::find(stack_pointer);
  const bool same_stack = running && running->pool == hit->pool && running->index == hit->index;
  return same_stack ? hit : std::nullopt;
}

void describe_overflows_with(describe_fiber describe) noexcept {
  describe_with.store(describe, std::memory_order_relaxed);
}

void report_overflow(const stack_pool::place& where) noexcept {
  raw_message sentence;
  sentence.add("sluice: stack overflow in ");
  add_name(sentence, where);
  sentence.add(", stack size ")
      .add(std::uint64_t{where.pool->stack_size_of(where.index) >> 10})
      .add(" KiB; give it more with spawn_options.stack_size\n")
      .print();
  std::abort();
}

}  // namespace sluice::rt
