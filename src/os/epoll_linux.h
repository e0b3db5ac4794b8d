// epoll_linux.h: epoll, one system call a function.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

// Opens an empty set, close-on-exec.
[[nodiscard]] result<native_handle> epoll_open() noexcept;

// Watches `fd` for `events`; each report of it carries `data`. Any thread.
[[nodiscard]] result<void> epoll_add(native_handle set, native_handle fd, std::uint32_t events,
                                     std::uint64_t data) noexcept;

// Ends the watch. Any thread.
[[nodiscard]] result<void> epoll_remove(native_handle set, native_handle fd) noexcept;

inline constexpr std::int64_t epoll_no_limit = -1;

// Waits for reports, at most `timeout`: 0 does not block, epoll_no_limit has no limit. `events` is
// not empty.
//
//   Returns  how many reports were stored, 0 also after a signal; or, this being the hot path, a
//            negative errno value instead of a result.
//   Units    nanoseconds; never less than asked. Without epoll_pwait2 (Linux before 5.11,
//   emulators)
//            rounded up to milliseconds.
[[nodiscard]] int epoll_wait(native_handle set, std::span<epoll_event> events,
                             std::int64_t timeout) noexcept;

// Makes epoll_wait do without epoll_pwait2, as on a system that lacks it, or lets it try again. For
// tests: this is the process's own state.
void epoll_force_milliseconds(bool forced) noexcept;

}  // namespace sluice::os
