#include "fiber/sanitizer.h"

#include <utility>

extern "C" {
[[gnu::weak]] void __sanitizer_start_switch_fiber(void**, const void*, std::size_t);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void*, const void**, std::size_t*);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void*, std::size_t);
[[gnu::weak]] void __lsan_register_root_region(const void*, std::size_t);
[[gnu::weak]] void __lsan_unregister_root_region(const void*, std::size_t);
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned);
[[gnu::weak]] void __tsan_destroy_fiber(void*);
[[gnu::weak]] void __tsan_switch_to_fiber(void*, unsigned);
[[gnu::weak]] void __tsan_set_fiber_name(void*, const char*);
[[gnu::weak]] void __tsan_acquire(void*);
[[gnu::weak]] void __tsan_release(void*);
}

namespace sluice::rt {

constinit const sanitizer_hooks hooks = {
    .start_switch = __sanitizer_start_switch_fiber,
    .finish_switch = __sanitizer_finish_switch_fiber,
    .unpoison = __asan_unpoison_memory_region,
    .register_root = __lsan_register_root_region,
    .unregister_root = __lsan_unregister_root_region,
    .tsan_current = __tsan_get_current_fiber,
    .tsan_create = __tsan_create_fiber,
    .tsan_destroy = __tsan_destroy_fiber,
    .tsan_switch = __tsan_switch_to_fiber,
    .tsan_name = __tsan_set_fiber_name,
    .tsan_acquire = __tsan_acquire,
    .tsan_release = __tsan_release,
};

void sanitizer_create(sanitizer_fiber& fiber, const char* name) noexcept {
  fiber = {};
  if (hooks.tsan_create == nullptr) return;
  race_acquire(&fiber);  // pairs with before_switch of the stack's last user
  fiber.tsan = hooks.tsan_create(0);
  if (name != nullptr && hooks.tsan_name != nullptr) hooks.tsan_name(fiber.tsan, name);
}

void sanitizer_destroy(sanitizer_fiber& fiber) noexcept {
  void* const context = std::exchange(fiber.tsan, nullptr);
  if (context != nullptr && hooks.tsan_destroy != nullptr) hooks.tsan_destroy(context);
}

void sanitizer_adopt_thread(sanitizer_fiber& own) noexcept {
  own = {};
  if (hooks.tsan_current != nullptr) own.tsan = hooks.tsan_current();
}

}  // namespace sluice::rt
