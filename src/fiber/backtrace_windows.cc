// backtrace_windows.cc: the system unwinds from any set of registers.
#include <windows.h>

#include <cstdint>

#include "fiber/backtrace.h"

namespace sluice::rt {
namespace {

std::size_t walk(CONTEXT at, std::span<const void*> into) noexcept {
  std::size_t count = 0;
  while (count != into.size() && at.Rip != 0) {
    into[count++] = reinterpret_cast<const void*>(at.Rip);
    DWORD64 image = 0;
    const PRUNTIME_FUNCTION notes = ::RtlLookupFunctionEntry(at.Rip, &image, nullptr);
    if (notes == nullptr) break;  // no code that we know; or a leaf, which no switch stands in
    void* handler = nullptr;
    DWORD64 frame = 0;
    ::RtlVirtualUnwind(UNW_FLAG_NHANDLER, image, at.Rip, notes, &at, &handler, &frame, nullptr);
  }
  return count;
}

}  // namespace

std::size_t backtrace_of(const context& left, std::span<const void*> into) noexcept {
  CONTEXT at{};
  at.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER;
  at.Rsp = reinterpret_cast<std::uintptr_t>(left.stack_pointer);
  at.Rbp = reinterpret_cast<std::uintptr_t>(left.frame_pointer);
  at.Rip = reinterpret_cast<std::uintptr_t>(left.resume_address);
  return walk(at, into);
}

std::size_t backtrace_here(std::span<const void*> into) noexcept {
  CONTEXT at{};
  ::RtlCaptureContext(&at);
  return walk(at, into);
}

}  // namespace sluice::rt
