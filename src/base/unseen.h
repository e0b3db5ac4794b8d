// unseen.h: SLUICE_UNSEEN, for a function in which nothing is announced to a sanitizer: one that a
// signal's handler runs, which may have interrupted the sanitizer's own state, or that reads what
// others may be writing, and says so. What it calls is announced all the same, unless it is always
// inlined: as the operations of a std::atomic<int> are, but not those of a std::atomic<T*>.
#pragma once

#include <atomic>

#if defined(__clang__)
#define SLUICE_UNSEEN [[clang::disable_sanitizer_instrumentation]]
#else
#define SLUICE_UNSEEN [[gnu::no_sanitize_thread, gnu::no_sanitize_address]]
#endif

namespace sluice {

// For such a function. ThreadSanitizer's own load may wait for a lock that the thread which the
// signal came upon holds.
template <class T>
[[nodiscard, gnu::always_inline]] inline T* unseen_load(const std::atomic<T*>& from) noexcept {
  static_assert(sizeof(from) == sizeof(T*));
  // seq_cst: as strong as any caller may wish.
  return __atomic_load_n(reinterpret_cast<T* const*>(&from), __ATOMIC_SEQ_CST);
}

}  // namespace sluice
