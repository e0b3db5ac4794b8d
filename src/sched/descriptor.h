// descriptor.h: parking on a descriptor, on top of poll_desc: registration, deadlines, closing.
// The operations above it (net, io) try a system call, and come here when it would block.
//
//   if (auto refused = descriptor_check(desc, side)) return *refused;     // before the first try
//   loop: desc.slot(side).take_token(...); system call; EAGAIN:
//         if (auto failed = descriptor_wait(desc, side, fd, kind)) return *failed;
#pragma once

#include <cstdint>
#include <optional>

#include "os/handle.h"
#include "poller/operation.h"
#include "poller/poll_desc.h"
#include "sched/park.h"
#include "sched/runtimes.h"
#include "sluice/wait_fd.h"

namespace sluice::rt {

// Returns  a poll_desc of the running runtime. Errors: as poll_table::take; errc::not_a_fiber when
//          no runtime is running.
[[nodiscard]] result<poll_desc*> descriptor_open() noexcept;

// Returns  which runtime it was opened in, by the calling fiber or thread; it is gone with that.
[[nodiscard]] runtime_id descriptor_home(const poll_desc& desc) noexcept;

// Unlinks its timers, ends its registration and gives it back. Nobody is inside any more; `fd` is
// still open. Any thread.
// `closed_next`: the caller closes `fd` at once, and nobody else knows the number.
void descriptor_close(poll_desc& desc, os::native_handle fd, bool closed_next = false) noexcept;

// The reasons not to try at all: closed, the deadline has passed, the fiber was asked to stop, or
// it is one of another runtime.
[[nodiscard]] std::optional<error> descriptor_check(poll_desc& desc, direction side) noexcept;

// Parks the calling fiber until a report for this direction; registers the descriptor with the
// present processor's shard if it is not registered yet. Returns nothing when the system call is
// to be tried again (the report may have been spurious), else closed, deadline_exceeded,
// operation_canceled, not_a_fiber (a plain thread), wrong_runtime or the registration's own error.
[[nodiscard]] std::optional<error> descriptor_wait(poll_desc& desc, direction side,
                                                   os::native_handle fd, wait_kind kind) noexcept;

// A descriptor of somebody else's: `watched` is a duplicate of it, which is registered; `named` is
// its number, for dumps.
struct foreign_descriptor {
  os::native_handle watched;
  os::native_handle named;
};

// The same for a report of any of `events`, for at most until `until`, monotonic nanoseconds; it
// returns nothing then, too. Nobody else waits with this poll_desc.
[[nodiscard]] std::optional<error> descriptor_wait_any(poll_desc& desc, foreign_descriptor fd,
                                                       fd_events events,
                                                       std::int64_t until) noexcept;

// Counts a read that is about to wait without having tried, since the one before it has emptied the
// stream: a system call that was not made. For the metrics; on a plain thread it does nothing.
void count_spared_read() noexcept;

// Whether this runtime's pollers carry out operations: then descriptor_perform is the way to wait.
[[nodiscard]] bool descriptors_complete() noexcept;

// Hands the operation to the present processor's shard and parks the calling fiber until the system
// has let go of it: also when it is cut short. Returns what has become of it; or closed,
// deadline_exceeded or operation_canceled, and then nothing was done; or not_a_fiber (a plain
// thread), or the system's refusal. It may have ended as cancelled without a reason of ours: ask
// again then.
[[nodiscard]] result<os::outcome> descriptor_perform(poll_desc& desc, direction side,
                                                     operation& asked, wait_kind kind) noexcept;

// Wakes whoever waits in either direction with errc::closed, and refuses everybody from now on.
// Any thread; never blocks.
void descriptor_shut(poll_desc& desc) noexcept;

// Makes whoever waits to read try again, now and from now on: that half was shut down here, of
// which not every system tells an operation that is under way. Any thread; never blocks.
void descriptor_shut_reading(poll_desc& desc) noexcept;

// Sets, moves or clears (deadline_none) a direction's deadline; one in the past wakes the waiter
// at once. Any thread; never blocks, never allocates.
// Units: monotonic nanoseconds.
void descriptor_set_deadline(poll_desc& desc, direction side, std::int64_t when) noexcept;

}  // namespace sluice::rt
