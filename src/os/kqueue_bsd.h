// kqueue_bsd.h: kqueue, one system call a function.
#pragma once

#include <sys/event.h>

#include <cstdint>
#include <span>

#include "os/handle.h"
#include "sluice/error.h"

namespace sluice::os {

// `struct kevent` beside the function of the same name.
using kernel_event = struct ::kevent;

// Opens an empty queue, close-on-exec. A forked child does not inherit it.
[[nodiscard]] result<native_handle> kqueue_open() noexcept;

[[nodiscard]] kernel_event make_change(std::uintptr_t ident, int filter, unsigned flags,
                                       unsigned fflags = 0, void* udata = nullptr) noexcept;

// Applies the changes in their order and waits for nothing. Any thread. Each has EV_RECEIPT, or the
// call would take events from the queue where there is room for them; so each has its answer in
// `answers`, in order: `data` is 0 or the error's number. There is room for one to each change.
//
//   Returns  how many answers there are, or the negated error number: some changes are not applied
[[nodiscard]] int kqueue_change(native_handle queue, std::span<const kernel_event> changes,
                                std::span<kernel_event> answers) noexcept;

inline constexpr std::int64_t kqueue_no_limit = -1;

// Applies the changes and waits for events, at most `timeout`: 0 does not block, kqueue_no_limit
// has no limit. If a change failed, that is answered as kqueue_change does, and nothing is waited
// for; so there is room for as many events as changes. `events` is not empty.
//
//   Returns  how many were stored, 0 also after a signal; or the negated error number.
//   Units    nanoseconds; a day at most, then it returns empty.
[[nodiscard]] int kqueue_wait(native_handle queue, std::span<const kernel_event> changes,
                              std::span<kernel_event> events, std::int64_t timeout) noexcept;

// Whether the descriptor is something that reports readiness: a plain file is taken by kqueue, and
// always ready.
//
//   Errors   std::errc::operation_not_permitted, as epoll has it
[[nodiscard]] result<void> check_watchable(native_handle fd) noexcept;

}  // namespace sluice::os
