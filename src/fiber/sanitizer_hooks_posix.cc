// sanitizer_hooks_posix.cc: the sanitizers' functions, where the program has any.
#include "fiber/sanitizer.h"

// A function that may be missing. Mach-O has no references of that kind to what no library is known
// to have, so there the table is filled by the sanitizer of our own build, or empty.
#if defined(__APPLE__)
#define SLUICE_OPTIONAL
#if defined(__has_feature) && __has_feature(address_sanitizer)
#define SLUICE_OF_ASAN(name) name
#else
#define SLUICE_OF_ASAN(name) nullptr
#endif
#if defined(__has_feature) && __has_feature(thread_sanitizer)
#define SLUICE_OF_TSAN(name) name
#else
#define SLUICE_OF_TSAN(name) nullptr
#endif
#else
#define SLUICE_OPTIONAL [[gnu::weak]]
#define SLUICE_OF_ASAN(name) name
#define SLUICE_OF_TSAN(name) name
#endif

extern "C" {
SLUICE_OPTIONAL void __sanitizer_start_switch_fiber(void**, const void*, std::size_t);
SLUICE_OPTIONAL void __sanitizer_finish_switch_fiber(void*, const void**, std::size_t*);
SLUICE_OPTIONAL void __asan_unpoison_memory_region(const volatile void*, std::size_t);
SLUICE_OPTIONAL void __lsan_register_root_region(const void*, std::size_t);
SLUICE_OPTIONAL void __lsan_unregister_root_region(const void*, std::size_t);
SLUICE_OPTIONAL void* __tsan_get_current_fiber();
SLUICE_OPTIONAL void* __tsan_create_fiber(unsigned);
SLUICE_OPTIONAL void __tsan_destroy_fiber(void*);
SLUICE_OPTIONAL void __tsan_switch_to_fiber(void*, unsigned);
SLUICE_OPTIONAL void __tsan_set_fiber_name(void*, const char*);
SLUICE_OPTIONAL void __tsan_acquire(void*);
SLUICE_OPTIONAL void __tsan_release(void*);
}

namespace sluice::rt {

constinit const sanitizer_hooks hooks = {
    .start_switch = SLUICE_OF_ASAN(__sanitizer_start_switch_fiber),
    .finish_switch = SLUICE_OF_ASAN(__sanitizer_finish_switch_fiber),
    .unpoison = SLUICE_OF_ASAN(__asan_unpoison_memory_region),
    .register_root = SLUICE_OF_ASAN(__lsan_register_root_region),
    .unregister_root = SLUICE_OF_ASAN(__lsan_unregister_root_region),
    .tsan_current = SLUICE_OF_TSAN(__tsan_get_current_fiber),
    .tsan_create = SLUICE_OF_TSAN(__tsan_create_fiber),
    .tsan_destroy = SLUICE_OF_TSAN(__tsan_destroy_fiber),
    .tsan_switch = SLUICE_OF_TSAN(__tsan_switch_to_fiber),
    .tsan_name = SLUICE_OF_TSAN(__tsan_set_fiber_name),
    .tsan_acquire = SLUICE_OF_TSAN(__tsan_acquire),
    .tsan_release = SLUICE_OF_TSAN(__tsan_release),
};

}  // namespace sluice::rt
