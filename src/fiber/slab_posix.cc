// slab_posix.cc: a slot's memory where every page of it comes by itself when it is first touched.
#include "base/bug.h"
#include "fiber/slab.h"
#include "os/memory.h"

namespace sluice::rt {

guard_kind probe_guards() noexcept {
  const std::size_t page = os::page_size();
  const auto probe = os::map_memory(page);
  if (!probe) return guard_kind::protection;
  const bool holds = os::install_guard(*probe, page).has_value() && !os::is_writable(*probe);
  check(os::unmap_memory(*probe, page).has_value(), "a page of our own cannot be unmapped");
  return holds ? guard_kind::lightweight : guard_kind::protection;
}

result<void> guard_slot(std::byte* begin, guard_kind kind) noexcept {
  if (kind == guard_kind::lightweight) {
    if (os::install_guard(begin, guard_size)) return {};
    return std::unexpected(
        no_stack_error("guard a fiber stack", "the system has no memory for its page tables"));
  }
  if (os::protect_none(begin, guard_size)) return {};
  return std::unexpected(no_stack_error(
      "guard a fiber stack", "the limit of memory mappings is reached (sysctl vm.max_map_count)"));
}

result<void> open_slot(std::byte*, std::byte*) noexcept { return {}; }

// A refusal (locked memory) leaves the memory where it is, which is no harm.
void discard_stack(void* bottom, void* end) noexcept {
  const auto size = static_cast<std::byte*>(end) - static_cast<std::byte*>(bottom);
  [[maybe_unused]] const auto discarded =
      os::discard_memory(bottom, static_cast<std::size_t>(size));
}

void reopen_slot(void*) noexcept {}

}  // namespace sluice::rt
