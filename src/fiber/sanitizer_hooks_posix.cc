// sanitizer_hooks_posix.cc: the sanitizers' functions, where the program has any.
#include "fiber/sanitizer.h"

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

}  // namespace sluice::rt
