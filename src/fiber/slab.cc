#include "fiber/slab.h"

#include <new>

#include "base/bug.h"
#include "os/memory.h"

namespace sluice::rt {

error no_stack_error(const char* operation, const char* object) noexcept {
  try {
    return error(errc::no_stack).with_context(operation, object);
  } catch (const std::bad_alloc&) {
    return errc::no_stack;
  }
}

result<slab_mapping> map_slab(std::uint32_t slots, unsigned shift) noexcept {
  const std::size_t page = os::page_size();
  for (; slots != 0; slots /= 2) {
    const std::size_t records = slots * sizeof(slot_record);
    const std::size_t size = (std::size_t{slots} << shift) + (records + page - 1) / page * page;
    const auto base = os::map_memory(size);
    if (!base) continue;
    // Refused by kernels built without huge pages, where it is not needed either.
    [[maybe_unused]] const auto advised = os::forbid_huge_pages(*base, size);
    return slab_mapping{*base, size, slots};
  }
  return std::unexpected(
      no_stack_error("reserve address space for fiber stacks",
                     "the system refuses (see ulimit -v, vm.overcommit_memory)"));
}

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

}  // namespace sluice::rt
