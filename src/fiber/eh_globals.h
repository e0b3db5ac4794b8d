// eh_globals.h: the C++ runtime's exception state travels with the fiber.
//
// The Itanium C++ ABI keeps two words per thread: the stack of caught exceptions and the number of
// uncaught ones. A fiber that parks inside a `catch`, or in a destructor during unwinding, must
// find its own words again on whatever thread it resumes; so both are swapped at every switch.
//
// The words' address is asked for once per worker, at its start, and never beside a switch:
// __cxa_get_globals is declared const, and both g++ and clang merge two calls around a switch,
// which makes the second one name the old thread's words.
#pragma once

#include <cstring>

namespace sluice::rt {

// The layout is the ABI's: __cxa_eh_globals.
struct eh_globals {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

// Returns  the words of the calling thread. To be called once per thread, from a function that does
//          not switch; they live as long as the thread.
[[nodiscard]] eh_globals* thread_eh_globals() noexcept;

// Stores the thread's words in `into`; to be called before a switch away.
// Copied as bytes: both words, and what lies between them, go in one piece.
inline void save(eh_globals& into, const eh_globals* thread) noexcept {
  std::memcpy(&into, thread, sizeof into);
}

// Makes `from` the thread's words; to be called before the switch to the context that owns them, or
// after it with the words of the thread that runs now.
inline void restore(const eh_globals& from, eh_globals* thread) noexcept {
  std::memcpy(thread, &from, sizeof from);
}

}  // namespace sluice::rt
