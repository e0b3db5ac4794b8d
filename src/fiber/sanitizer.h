// sanitizer.h: the one place that tells AddressSanitizer, ThreadSanitizer and LeakSanitizer about
// fibers.
//
// The runtimes are called through weak references, in every build: a release library that is linked
// into a program built with -fsanitize=address or thread finds the calls there and makes them;
// elsewhere the table below is empty, and each annotation costs one predictable branch. Rejected:
// `#if` on the sanitizer of our own build, which would leave such programs without annotations.
//
// ThreadSanitizer, and which order it is told of. A switch can be announced with or without a
// happens-before edge from the old context to the new one.
//   - Where the library itself is instrumented, worker and fiber share the library's fields on one
//     thread, and without the edge each of those is a false report. So: with the edge (flag 0), and
//     race_acquire and race_release do nothing, because the library's own atomics must give the
//     order, and ThreadSanitizer sees them.
//   - Where only the user's program is instrumented, the edge would hide the user's missing lock
//     whenever two fibers happened to run one after another on one worker, and it is not needed,
//     since the library's fields are invisible. So: without (no_sync), and every hand-over of user
//     memory by library code (spawn, park and ready, lock and unlock, join) says race_release on
//     one side and race_acquire on the other.
// A stack's next user is ordered after its last one by sanitizer_create and the dying switch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::rt {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool tsan_instrumented = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool tsan_instrumented = true;
#else
inline constexpr bool tsan_instrumented = false;
#endif
#else
inline constexpr bool tsan_instrumented = false;
#endif

// What a context of either kind, a fiber's or a worker's own stack, keeps for the sanitizers.
struct sanitizer_fiber {
  // ThreadSanitizer's context, or AddressSanitizer's fake stack while the context is not running:
  // no process has both.
  void* context = nullptr;
};

// The sanitizers' calls, or null; filled in by the linker and the loader, so it is complete before
// the first constructor of a static runs.
struct sanitizer_hooks {
  void (*start_switch)(void** fake_stack, const void* to_bottom, std::size_t to_size);
  void (*finish_switch)(void* fake_stack, const void** from_bottom, std::size_t* from_size);
  void (*unpoison)(const volatile void* begin, std::size_t size);
  void (*register_root)(const void* begin, std::size_t size);
  void (*unregister_root)(const void* begin, std::size_t size);
  void* (*tsan_current)();
  void* (*tsan_create)(unsigned flags);
  void (*tsan_destroy)(void* fiber);
  void (*tsan_switch)(void* fiber, unsigned flags);
  void (*tsan_name)(void* fiber, const char* name);
  void (*tsan_acquire)(void* address);
  void (*tsan_release)(void* address);
};
extern const sanitizer_hooks hooks;

// Returns  whether a sanitizer that has to know about switches is in this process.
[[nodiscard]] inline bool sanitizers_active() noexcept {
  return (reinterpret_cast<std::uintptr_t>(hooks.start_switch) |
          reinterpret_cast<std::uintptr_t>(hooks.tsan_switch)) != 0;
}

// Says that library code which ThreadSanitizer cannot see hands memory over at `address`: what the
// releasing side did before happens before what the acquiring side does afterwards.
inline void race_release([[maybe_unused]] void* address) noexcept {
  if constexpr (!tsan_instrumented) {
    if (hooks.tsan_release != nullptr) [[unlikely]] {
      hooks.tsan_release(address);
    }
  }
}
inline void race_acquire([[maybe_unused]] void* address) noexcept {
  if constexpr (!tsan_instrumented) {
    if (hooks.tsan_acquire != nullptr) [[unlikely]] {
      hooks.tsan_acquire(address);
    }
  }
}

// Creates what a new fiber needs. `fiber` must lie at the same address for each user of one stack,
// as it does in the control block: that is how the next user is ordered after the last. The name is
// copied.
void sanitizer_create(sanitizer_fiber& fiber, const char* name) noexcept;

// Ends it. Never on the fiber itself: ThreadSanitizer frees the context that it is still in. Called
// by whoever runs next on that thread, or by whoever recycles the stack.
void sanitizer_destroy(sanitizer_fiber& fiber) noexcept;

// What every worker's thread releases at its start, and whoever runs on one acquires: errno and
// what else the program has for each thread was made there, without a word to ThreadSanitizer.
inline char threads_begun = 0;

// Makes `own` stand for the stack that the calling thread was born with.
void sanitizer_adopt_thread(sanitizer_fiber& own) noexcept;

// Announces the switch that the caller is about to make. Both functions are inlined by force:
// ThreadSanitizer notes a function's entry and exit in the running context, and here that changes
// between the two.
[[gnu::always_inline]] inline void before_switch(sanitizer_fiber& from, sanitizer_fiber& to,
                                                 const void* to_stack_bottom,
                                                 std::size_t to_stack_size,
                                                 bool from_dies) noexcept {
  if (!sanitizers_active()) [[likely]] {
    return;
  }
  if (hooks.start_switch != nullptr) {
    // A null place for the fake stack says that it is not needed again, and it is freed.
    hooks.start_switch(from_dies ? nullptr : &from.context, to_stack_bottom, to_stack_size);
  }
  if (hooks.tsan_switch != nullptr) {
    if (from_dies) race_release(&from);  // pairs with sanitizer_create, for the stack's next user
    constexpr unsigned no_sync = 1;
    hooks.tsan_switch(to.context, tsan_instrumented ? 0 : no_sync);
  }
}

// The first thing after arriving in `self`, also in a fiber's entry function. Stores the bounds of
// the stack that was left; a worker's own stack becomes known that way. Either may be null.
[[gnu::always_inline]] inline void after_switch(sanitizer_fiber& self, const void** from_bottom,
                                                std::size_t* from_size) noexcept {
  if (!sanitizers_active()) [[likely]] {
    return;
  }
  race_acquire(&threads_begun);  // pairs with sanitizer_adopt_thread
  if (hooks.finish_switch != nullptr) {
    hooks.finish_switch(self.context, from_bottom, from_size);
  }
}

// To be called before a recycled stack is used again: the frames of its last user, or an exception
// that crossed them, may have left marks.
inline void stack_unpoison(void* bottom, std::size_t size) noexcept {
  if (hooks.unpoison != nullptr) [[unlikely]] {
    hooks.unpoison(bottom, size);
  }
}

// While a stack is taken, what it points to is not a leak.
inline void stack_is_root(const void* bottom, std::size_t size) noexcept {
  if (hooks.register_root != nullptr) [[unlikely]] {
    hooks.register_root(bottom, size);
  }
}
inline void stack_is_no_root(const void* bottom, std::size_t size) noexcept {
  if (hooks.unregister_root != nullptr) [[unlikely]] {
    hooks.unregister_root(bottom, size);
  }
}

}  // namespace sluice::rt
