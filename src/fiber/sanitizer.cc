#include "fiber/sanitizer.h"

#include <utility>

namespace sluice::rt {

void sanitizer_create(sanitizer_fiber& fiber, const char* name) noexcept {
  fiber = {};
  if (hooks.tsan_create == nullptr) return;
  race_acquire(&fiber);  // pairs with before_switch of the stack's last user
  fiber.context = hooks.tsan_create(0);
  if (name != nullptr && hooks.tsan_name != nullptr) hooks.tsan_name(fiber.context, name);
}

void sanitizer_destroy(sanitizer_fiber& fiber) noexcept {
  void* const context = std::exchange(fiber.context, nullptr);
  if (context != nullptr && hooks.tsan_destroy != nullptr) hooks.tsan_destroy(context);
}

void sanitizer_adopt_thread(sanitizer_fiber& own) noexcept {
  own = {};
  if (hooks.tsan_current != nullptr) own.context = hooks.tsan_current();
  race_release(&threads_begun);  // pairs with after_switch
}

}  // namespace sluice::rt
