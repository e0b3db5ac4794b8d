// thread_value.h: one pointer of each thread's own, with somebody to tell when the thread ends.
#pragma once

namespace sluice::os {

// Returns  what set_thread_value has set on this thread, or nullptr.
[[nodiscard]] void* thread_value() noexcept;

// For good: to be called once a thread. `at_end` is called with the value on this thread, when it
// ends.
//
//   Returns  false: there is no memory.
[[nodiscard]] bool set_thread_value(void* value, void (*at_end)(void*) noexcept) noexcept;

}  // namespace sluice::os
