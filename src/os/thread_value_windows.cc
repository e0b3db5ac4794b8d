// By the system's own means: mingw's compiler gives the memory of a thread_local back before its
// destructor runs.
#include <windows.h>

#include <atomic>

#include "os/thread_value.h"

namespace sluice::os {
namespace {

// The same for all callers. seq_cst: a few times in a thread's life.
std::atomic<void (*)(void*) noexcept> tell{nullptr};

void WINAPI on_end(void* value) {
  if (value != nullptr) tell.load()(value);
}

DWORD slot() noexcept {
  static const DWORD taken = ::FlsAlloc(&on_end);
  return taken;
}

}  // namespace

void* thread_value() noexcept {
  return slot() != FLS_OUT_OF_INDEXES ? ::FlsGetValue(slot()) : nullptr;
}

bool set_thread_value(void* value, void (*at_end)(void*) noexcept) noexcept {
  tell.store(at_end);
  return slot() != FLS_OUT_OF_INDEXES && ::FlsSetValue(slot(), value) != 0;
}

}  // namespace sluice::os
