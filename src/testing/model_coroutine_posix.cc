#include <ucontext.h>

#include "testing/model_coroutine.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_MODEL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_MODEL_ASAN 1
#endif
#endif

#ifdef SLUICE_MODEL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace sluice::model {

struct coroutine::machine {
  machine() = default;
  explicit machine(std::size_t size)
      : stack(new std::byte[size]), stack_size(size), bottom(stack.get()), size_seen(size) {}

  static void enter();

  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack;
  std::size_t stack_size = 0;
  void (*entry)() = nullptr;
  // AddressSanitizer's: where this coroutine's fake frames are, and which stack it stands on.
  [[maybe_unused]] void* shadow = nullptr;
  const void* bottom = nullptr;
  std::size_t size_seen = 0;

  // Whom the present switch leaves and enters: read on the far side of it.
  static inline machine* leaving = nullptr;
  static inline machine* entering = nullptr;
};

coroutine::coroutine() : machine_(std::make_unique<machine>()) {}

coroutine::coroutine(std::size_t stack_size) : machine_(std::make_unique<machine>(stack_size)) {}

void coroutine::start(void (*entry)()) {
#ifdef SLUICE_MODEL_ASAN
  // What was abandoned here has left poisoned bytes behind.
  __asan_unpoison_memory_region(machine_->stack.get(), machine_->stack_size);
#endif
  machine_->entry = entry;
  getcontext(&machine_->context);
  machine_->context.uc_stack.ss_sp = machine_->stack.get();
  machine_->context.uc_stack.ss_size = machine_->stack_size;
  machine_->context.uc_link = nullptr;
  makecontext(&machine_->context, &machine::enter, 0);
}

void coroutine::machine::enter() {
#ifdef SLUICE_MODEL_ASAN
  // With the fake frames of its earlier lives, if any: when they are used up, the sanitizer uses
  // the stack itself. New ones for each start would take most of the time.
  __sanitizer_finish_switch_fiber(entering->shadow, &leaving->bottom, &leaving->size_seen);
#endif
  entering->entry();
}

void coroutine::switch_to(coroutine& from, coroutine& to) {
  machine* const self = from.machine_.get();
  machine::leaving = self;
  machine::entering = to.machine_.get();
#ifdef SLUICE_MODEL_ASAN
  __sanitizer_start_switch_fiber(&self->shadow, to.machine_->bottom, to.machine_->size_seen);
#endif
  swapcontext(&self->context, &to.machine_->context);
#ifdef SLUICE_MODEL_ASAN
  machine* const left = machine::leaving;
  __sanitizer_finish_switch_fiber(self->shadow, &left->bottom, &left->size_seen);
#endif
}

// A pretended switch there and back, the second one "for ever", makes the sanitizer free the fake
// frames.
coroutine::~coroutine() {
#ifdef SLUICE_MODEL_ASAN
  if (machine_->stack == nullptr || machine_->shadow == nullptr) return;
  void* own = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_start_switch_fiber(&own, machine_->bottom, machine_->size_seen);
  __sanitizer_finish_switch_fiber(machine_->shadow, &bottom, &size);
  __sanitizer_start_switch_fiber(nullptr, bottom, size);
  __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
  __asan_unpoison_memory_region(machine_->stack.get(), machine_->stack_size);
#endif
}

}  // namespace sluice::model
