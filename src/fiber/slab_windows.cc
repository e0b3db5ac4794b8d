// slab_windows.cc: a slot's memory, of which the system wants to be told. A stack begins with a few
// open pages at its top and one guard page below them; who touches that one makes the system open
// it and guard the next, down to the allocation that the thread's block names
// (context_x86_64_windows.h). What was never opened cannot be touched: that is the guard at the
// end.
//
// Rejected: opening all of each stack. Windows promises no memory that it does not have, and 10,000
// fibers would be promised 2 GB.
#include <windows.h>

#include <algorithm>

#include "fiber/slab.h"
#include "os/memory.h"

namespace sluice::rt {
namespace {

// Enough for what most fibers do, with the control block: growing costs a fault for each page.
constexpr std::size_t open_at_first = std::size_t{32} << 10;

}  // namespace

guard_kind probe_guards() noexcept { return guard_kind::lightweight; }

// What is below the stack is never opened.
result<void> guard_slot(std::byte*, guard_kind) noexcept { return {}; }

result<void> open_slot(std::byte*, std::byte* end) noexcept {
  const std::size_t page = os::page_size();
  std::byte* const guard = end - open_at_first - page;
  DWORD before = 0;
  if (os::commit_memory(guard, open_at_first + page) &&
      ::VirtualProtect(guard, page, PAGE_READWRITE | PAGE_GUARD, &before) != 0) {
    return {};
  }
  return std::unexpected(
      no_stack_error("open a fiber stack", "the system has no memory left to promise"));
}

// What is open stays promised, and so the stack's bounds stay what they are; its contents need not
// be kept in memory.
void discard_stack(void* bottom, void* end) noexcept {
  auto* at = static_cast<std::byte*>(bottom);
  MEMORY_BASIC_INFORMATION region{};
  while (at < end && ::VirtualQuery(at, &region, sizeof(region)) != 0) {
    auto* const begin = at;
    at = static_cast<std::byte*>(region.BaseAddress) + region.RegionSize;
    if (region.State != MEM_COMMIT || region.Protect != PAGE_READWRITE) continue;
    const auto size = std::min(at, static_cast<std::byte*>(end)) - begin;
    ::VirtualAlloc(begin, static_cast<std::size_t>(size), MEM_RESET, PAGE_READWRITE);
  }
}

// The system may drop a page's contents until the page is written again. So it is written, where
// nothing of worth lies, before anybody decides by what he reads there.
void reopen_slot(void* control) noexcept {
  *(static_cast<volatile std::uint64_t*>(control) - 1) = 0;
}

}  // namespace sluice::rt
