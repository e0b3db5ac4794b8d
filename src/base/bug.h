// bug.h: our own broken invariants end the program with one sentence. Nothing in between: an error
// of the user or the system is a value (sluice/error.h), a bug of ours is an abort.
#pragma once

#include <source_location>

namespace sluice {

// Prints "sluice: bug: <sentence> (file:line)" on the standard error and aborts. Async-signal-safe.
[[noreturn]] void bug(const char* sentence,
                      std::source_location where = std::source_location::current()) noexcept;

// Prints "sluice: <sentence>" and aborts: misuse found where nothing can be thrown. Signal-safe.
[[noreturn]] void misuse(const char* sentence) noexcept;

// Checks an invariant in every build; use it off the hot paths.
inline void check(bool holds, const char* sentence,
                  std::source_location where = std::source_location::current()) noexcept {
  if (!holds) [[unlikely]] {
    bug(sentence, where);
  }
}

// Checks an invariant in builds without NDEBUG only.
inline void debug_check(
    [[maybe_unused]] bool holds, [[maybe_unused]] const char* sentence,
    [[maybe_unused]] std::source_location where = std::source_location::current()) noexcept {
#ifndef NDEBUG
  check(holds, sentence, where);
#endif
}

}  // namespace sluice
