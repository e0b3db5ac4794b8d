// context_x86_64_windows.cc: where a new context begins, on x86-64 with Windows's calling
// convention.
#include <windows.h>

#include <cstddef>
#include <cstdint>

#include "fiber/context.h"

// The outermost frame of every fiber. The first switch arrives here with the stack of make_context
// and its message in r8. The unwinder's notes say that 40 bytes lie below the return address, and
// the return address is zero, which ends every unwinder. The first 32 bytes are the room that the
// convention gives the callee; argument and entry lie there until they are loaded.
asm(R"(
    .text
    .p2align 4
    .globl sluice_fiber_entry
    .def sluice_fiber_entry
    .scl 2
    .type 32
    .endef
    .seh_proc sluice_fiber_entry
sluice_fiber_entry:
    .seh_stackalloc 40
    .seh_endprologue
    xorl %ebp, %ebp
    movq 0(%rsp), %rcx
    movq %r8, %rdx
    movq 8(%rsp), %rax
    callq *%rax
    ud2
    .seh_endproc
)");

extern "C" void sluice_fiber_entry() noexcept;

namespace sluice::rt {
namespace {

// From where on the stack's pages can be touched; those below wait behind a guard page.
const void* lowest_open(const void* bottom, const void* top) noexcept {
  const auto* at = static_cast<const std::byte*>(bottom);
  const void* lowest = nullptr;
  MEMORY_BASIC_INFORMATION region{};
  while (at < top && ::VirtualQuery(at, &region, sizeof(region)) != 0) {
    const bool open = region.State == MEM_COMMIT && region.Protect == PAGE_READWRITE;
    if (!open) {
      lowest = nullptr;
    } else if (lowest == nullptr) {
      lowest = at;
    }
    at = static_cast<const std::byte*>(region.BaseAddress) + region.RegionSize;
  }
  return lowest != nullptr ? lowest : top;
}

}  // namespace

void set_stack_bounds(context& of, const void* bottom, const void* top) noexcept {
  of.stack_base = top;
  of.stack_limit = lowest_open(bottom, top);
  of.stack_allocation = bottom;
}

void make_context(context& into, void* stack_top, entry_function entry, void* argument) noexcept {
  void** frame = static_cast<void**>(stack_top) - 6;
  frame[0] = argument;
  frame[1] = reinterpret_cast<void*>(entry);
  for (int i = 2; i < 6; ++i) frame[i] = nullptr;
  into.stack_pointer = static_cast<void*>(frame);
  into.frame_pointer = nullptr;
  into.resume_address = reinterpret_cast<void*>(&sluice_fiber_entry);
  into.exception_list = reinterpret_cast<void*>(~std::uintptr_t{0});  // the end of the list
}

}  // namespace sluice::rt
