// overflow_windows.cc: the handler that sees every exception first. The system says itself that a
// stack has come to its end, with two pages left for whoever wants to say so; so there is no other
// stack to run on.
#include <windows.h>

#include <atomic>
#include <mutex>

#include "base/bug.h"
#include "fiber/overflow.h"
#include "fiber/overflow_report.h"

namespace sluice::rt {
namespace {

std::mutex install_lock;
int users = 0;            // guarded by install_lock
void* handler = nullptr;  // guarded by install_lock

LONG CALLBACK on_exception(EXCEPTION_POINTERS* what) {
  if (what->ExceptionRecord->ExceptionCode == EXCEPTION_STACK_OVERFLOW) {
    const auto* const pointer = reinterpret_cast<const void*>(what->ContextRecord->Rsp);
    // A thread's own stack is none of ours.
    if (const auto where = stack_pool::find(pointer)) report_overflow(*where);
  }
  return EXCEPTION_CONTINUE_SEARCH;
}

}  // namespace

void install_overflow_handler(describe_fiber describe) noexcept {
  const std::lock_guard hold(install_lock);
  describe_overflows_with(describe);
  if (users++ != 0) return;
  constexpr ULONG first = 1;
  handler = ::AddVectoredExceptionHandler(first, on_exception);
  check(handler != nullptr, "the system refuses a handler of exceptions");
}

void uninstall_overflow_handler() noexcept {
  const std::lock_guard hold(install_lock);
  check(users > 0, "an overflow handler is uninstalled that was not installed");
  if (--users != 0) return;
  describe_overflows_with(nullptr);
  ::RemoveVectoredExceptionHandler(handler);
}

alternate_stack::alternate_stack() noexcept = default;
alternate_stack::~alternate_stack() = default;

}  // namespace sluice::rt
