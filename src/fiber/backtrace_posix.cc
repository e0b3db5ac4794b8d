// backtrace_posix.cc: the unwinder can only begin where it is called. So it is called through
// sluice_backtrace_bridge, whose notes for the unwinder say that it was called by the context: they
// find the registers there and not on the stack. What is in the other registers a switch declares
// lost, so no caller looks for anything in them.
#include "fiber/backtrace.h"

#include <unwind.h>

#include <cstdint>

#include "fiber/backtrace_bridge.h"

namespace sluice::rt {
namespace {

struct walk {
  std::span<const void*> into;
  std::size_t count = 0;
  std::uintptr_t begin = 0;  // of the first frame that counts; 0: all of them do
};

_Unwind_Reason_Code note(struct _Unwind_Context* frame, void* argument) noexcept {
  walk& self = *static_cast<walk*>(argument);
  const std::uintptr_t address = _Unwind_GetIP(frame);
  if (self.begin != 0 && address != self.begin) return _URC_NO_REASON;
  self.begin = 0;
  // Some unwinders count the frame that has no caller once more, with address 0.
  if (self.count == self.into.size() || address == 0) return _URC_NORMAL_STOP;
  self.into[self.count++] = reinterpret_cast<const void*>(address);
  return _URC_NO_REASON;
}

void collect(void* argument) noexcept { (void)_Unwind_Backtrace(&note, argument); }

}  // namespace

std::size_t backtrace_of(const context& left, std::span<const void*> into) noexcept {
  walk found{.into = into, .begin = reinterpret_cast<std::uintptr_t>(left.resume_address)};
  sluice_backtrace_bridge(&left, &collect, &found);
  return found.count;
}

std::size_t backtrace_here(std::span<const void*> into) noexcept {
  walk found{.into = into};
  collect(&found);
  return found.count;
}

}  // namespace sluice::rt
