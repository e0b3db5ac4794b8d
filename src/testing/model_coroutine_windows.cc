// model_coroutine_windows.cc: coroutines over the system's fibers.
//
// A fiber cannot be told to begin again, and a new one for each of a model's hundred thousands of
// starts would take most of the time. So each has a base frame, which a start makes it jump back
// to: by the compiler's own jump, since longjmp() would unwind what is to be abandoned.
#include <windows.h>

#include <cstdio>
#include <cstdlib>

#include "testing/model_coroutine.h"

namespace sluice::model {

struct coroutine::machine {
  explicit machine(std::size_t size) : stack_size(size) {}

  static void WINAPI enter(void* self);

  const std::size_t stack_size;  // 0: a thread's own
  void* fiber = nullptr;
  void (*entry)() = nullptr;
  bool begins_anew = false;
  void* base[5] = {};
};

namespace {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s: error %lu\n", what, ::GetLastError());
  std::abort();
}

}  // namespace

coroutine::coroutine() : machine_(std::make_unique<machine>(0)) {}

coroutine::coroutine(std::size_t stack_size) : machine_(std::make_unique<machine>(stack_size)) {}

coroutine::~coroutine() {
  if (machine_->stack_size != 0 && machine_->fiber != nullptr) ::DeleteFiber(machine_->fiber);
}

void coroutine::start(void (*entry)()) {
  machine_->entry = entry;
  if (machine_->fiber != nullptr) {
    machine_->begins_anew = true;
    return;
  }
  machine_->fiber = ::CreateFiberEx(0, machine_->stack_size, 0, &machine::enter, machine_.get());
  demand(machine_->fiber != nullptr, "CreateFiberEx");
}

void WINAPI coroutine::machine::enter(void* self) {
  auto* const own = static_cast<machine*>(self);
  static_cast<void>(__builtin_setjmp(own->base));
  own->begins_anew = false;
  own->entry();
}

void coroutine::switch_to(coroutine& from, coroutine& to) {
  machine* const self = from.machine_.get();
  if (self->fiber == nullptr) {
    self->fiber = ::IsThreadAFiber() ? ::GetCurrentFiber() : ::ConvertThreadToFiberEx(nullptr, 0);
    demand(self->fiber != nullptr, "ConvertThreadToFiberEx");
  }
  ::SwitchToFiber(to.machine_->fiber);
  if (self->begins_anew) __builtin_longjmp(self->base, 1);
}

}  // namespace sluice::model
