// fd_ops.h: the blocking operations on a descriptor: the second seam of the platforms, above the
// poller. A readiness backend tries, and parks when the call would block (fd_ops_readiness.cc); a
// completion backend submits and parks.
//
// Every call takes its direction's turn for as long as it lasts, so reads and writes of several
// fibers do not interleave, and fails with closed, deadline_exceeded or operation_canceled before
// it tries anything, if there is reason to.
#pragma once

#include <cstddef>
#include <span>

#include "net/io_handle.h"
#include "os/socket.h"
#include "sluice/chunk.h"
#include "sluice/error.h"

namespace sluice::net {

// At least one byte, unless the buffer is empty.
[[nodiscard]] result<std::size_t> read_some(io_handle& handle, os::read_buffer buffer) noexcept;
[[nodiscard]] result<std::size_t> read_some(io_handle& handle,
                                            std::span<const os::read_buffer> buffers) noexcept;
// All of the buffer; an end in the middle is unexpected_end. An error says how much was read.
[[nodiscard]] result<std::size_t> read_full(io_handle& handle, os::read_buffer buffer) noexcept;
// As read_some, into a buffer that is taken only while a read is tried.
[[nodiscard]] result<io::chunk> receive(io_handle& handle) noexcept;

// All of it; an error says how much went out.
[[nodiscard]] result<std::size_t> write_full(io_handle& handle, os::write_buffer buffer) noexcept;
[[nodiscard]] result<std::size_t> write_full(io_handle& handle,
                                             std::span<const os::write_buffer> buffers) noexcept;

// What a listener remembers between its accepts; guarded by the read turn.
struct accept_state {
  back_off delay;
  bool logged = false;
  std::atomic<std::uint64_t> exhausted{0};  // how often no descriptor was free; relaxed, a tally
  std::string name;                         // for the log
};
// `peer` is written on success.
[[nodiscard]] result<os::native_handle> accept(io_handle& listener, accept_state& state,
                                               address& peer) noexcept;

// Connects a socket that nobody else knows yet; the deadline is the write direction's.
[[nodiscard]] result<void> connect(io_handle& handle, const address& where) noexcept;

}  // namespace sluice::net
