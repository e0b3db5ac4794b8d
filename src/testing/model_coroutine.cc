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

namespace {

// Whom the present switch leaves and enters: read on the far side of it.
coroutine* leaving = nullptr;
coroutine* entering = nullptr;

}  // namespace

coroutine::coroutine(std::size_t stack_size)
    : stack_(new std::byte[stack_size]), stack_size_(stack_size) {
  bottom_ = stack_.get();
  size_ = stack_size;
}

void coroutine::start(void (*entry)()) {
#ifdef SLUICE_MODEL_ASAN
  // What was abandoned here has left poisoned bytes behind.
  __asan_unpoison_memory_region(stack_.get(), stack_size_);
#endif
  entry_ = entry;
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = stack_size_;
  context_.uc_link = nullptr;
  makecontext(&context_, &coroutine::enter, 0);
}

void coroutine::enter() {
#ifdef SLUICE_MODEL_ASAN
  // With the fake frames of its earlier lives, if any: when they are used up, the sanitizer uses
  // the stack itself. New ones for each start would take most of the time.
  __sanitizer_finish_switch_fiber(entering->shadow_, &leaving->bottom_, &leaving->size_);
#endif
  entering->entry_();
}

void coroutine::switch_to(coroutine& from, coroutine& to) {
  leaving = &from;
  entering = &to;
#ifdef SLUICE_MODEL_ASAN
  __sanitizer_start_switch_fiber(&from.shadow_, to.bottom_, to.size_);
#endif
  swapcontext(&from.context_, &to.context_);
#ifdef SLUICE_MODEL_ASAN
  __sanitizer_finish_switch_fiber(from.shadow_, &leaving->bottom_, &leaving->size_);
#endif
}

// A pretended switch there and back, the second one "for ever", makes the sanitizer free the fake
// frames.
coroutine::~coroutine() {
#ifdef SLUICE_MODEL_ASAN
  if (stack_ == nullptr || shadow_ == nullptr) return;
  void* own = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
  __sanitizer_start_switch_fiber(&own, bottom_, size_);
  __sanitizer_finish_switch_fiber(shadow_, &bottom, &size);
  __sanitizer_start_switch_fiber(nullptr, bottom, size);
  __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
  __asan_unpoison_memory_region(stack_.get(), stack_size_);
#endif
}

}  // namespace sluice::model
