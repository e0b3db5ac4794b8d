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
    const std::size_t record_bytes = (records + page - 1) / page * page;
    const std::size_t size = (std::size_t{slots} << shift) + record_bytes;
    const auto base = os::reserve_memory(size);
    if (!base) continue;
    if (!os::commit_memory(*base + (size - record_bytes), record_bytes)) {
      check(os::unmap_memory(*base, size).has_value(), "a slab cannot be unmapped");
      continue;
    }
    // Refused by kernels built without huge pages, where it is not needed either.
    [[maybe_unused]] const auto advised = os::forbid_huge_pages(*base, size);
    return slab_mapping{*base, size, slots};
  }
  return std::unexpected(
      no_stack_error("reserve address space for fiber stacks",
                     "the system refuses (see ulimit -v, vm.overcommit_memory)"));
}

}  // namespace sluice::rt
