// stream.h: one connection, TCP or Unix, written against blocking calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "sluice/chunk.h"
#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/net/address.h"
#include "sluice/net/handle.h"

namespace sluice::net {

// Move-only; the destructor closes. Every call may be made by any fiber, beside any other call: of
// concurrent reads, and of concurrent writes, each waits for its turn, in order of arrival.
//
// Errors of every call, besides its own:
//   std::errc::bad_file_descriptor   this stream holds no connection: moved from, or default
//   errc::closed                     the connection was closed here, by any fiber, or run() has
//                                    returned since it was made
// Destroying a stream while another fiber is inside one of its calls is misuse; builds without
// NDEBUG report it and abort. To stop the others, close() first.
class stream {
 public:
  stream() noexcept = default;
  stream(stream&&) noexcept = default;
  stream& operator=(stream&&) noexcept = default;
  ~stream() = default;

  // Returns  whether there is a connection to call; a closed one counts.
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }

  // Reads up to buffer.size() bytes, as soon as at least one is there.
  //
  //   Returns  n, 1 <= n <= buffer.size(); 0, at once, for an empty buffer only.
  //   Blocks   the calling fiber, never its thread. Ends early on close(), cancellation or
  //   deadline. Errors   errc::end_of_stream       the peer closed its side
  //            errc::deadline_exceeded   the read deadline passed; no bytes were lost, usable after
  //                                      a new deadline
  //            errc::operation_canceled  the fiber was asked to stop
  //            errc::not_a_fiber         it would have to wait, and runs on a plain thread
  //            std::errc::connection_reset and others as the system reports them
  //   Threads  safe beside one write; a second concurrent read waits for its turn.
  //   Units    bytes; at most 1 GiB a call, larger buffers are cut, not refused.
  //   Source   the contract of Go's net.Conn.Read.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> buffer) noexcept;

  // As read, into several buffers, filled in order.
  //
  //   Returns  the bytes read in all; 0, at once, if there is no room in any buffer.
  //   Blocks, Errors, Threads  as read.
  //   Units    bytes; at most 1 GiB and the first 64 buffers a call.
  [[nodiscard]] result<std::size_t> readv(std::span<const std::span<std::byte>> buffers) noexcept;

  // Reads all of the buffer; other fibers' reads do not come in between.
  //
  //   Returns  buffer.size().
  //   Blocks   as read.
  //   Errors   as read, with transferred() bytes read before it; an end in the middle is
  //            errc::unexpected_end, an end before the first byte errc::end_of_stream.
  //   Threads  as read.
  [[nodiscard]] result<std::size_t> read_full(std::span<std::byte> buffer) noexcept;

  // Reads what is there into a leased buffer, which is taken only once data is there.
  //
  //   Returns  a chunk of 1 to chunk::capacity bytes.
  //   Blocks   as read; holds no buffer meanwhile.
  //   Errors   as read; std::errc::not_enough_memory, and no bytes were lost.
  //   Threads  as read.
  [[nodiscard]] result<io::chunk> receive() noexcept;

  // Sends everything, or says how much went out before the error.
  //
  //   Returns  data.size().
  //   Blocks   the calling fiber while the peer does not read. Ends early as read does.
  //   Errors   as read, by the write deadline, with transferred() bytes sent before it;
  //            std::errc::broken_pipe or connection_reset if the peer is gone. Never SIGPIPE.
  //   Threads  safe beside one read; concurrent writes do not interleave.
  //   Units    bytes.
  //   Source   the contract of Go's net.Conn.Write.
  [[nodiscard]] result<std::size_t> write(std::span<const std::byte> data) noexcept;
  [[nodiscard]] result<std::size_t> write(std::string_view text) noexcept {
    return write(std::as_bytes(std::span(text)));
  }
  [[nodiscard]] result<std::size_t> write(const io::chunk& data) noexcept {
    return write(data.bytes());
  }

  // As write, from several buffers, in order.
  [[nodiscard]] result<std::size_t> writev(
      std::span<const std::span<const std::byte>> buffers) noexcept;

  // Ends one direction of the connection; the other goes on. After shutdown_write the peer reads
  // the end of the stream, after shutdown_read reads here do.
  //
  //   Returns  nothing.
  //   Blocks   never.
  //   Errors   std::errc::not_connected and others as the system reports them
  //   Threads  safe beside reads and writes, which it wakes.
  result<void> shutdown_read() noexcept;
  result<void> shutdown_write() noexcept;

  // Closes the connection: wakes every fiber inside with errc::closed and waits until they have
  // left. When it returns, the descriptor is free.
  //
  //   Returns  nothing.
  //   Blocks   for the other users, who are on their way out, and, with a positive linger, for the
  //            linger time: the fiber, never its thread. A request to stop does not cut it short.
  //   Errors   errc::closed  it has been closed before
  //   Threads  safe beside everything.
  result<void> close() noexcept;

  // Returns  the address of this end, of the other end; no address (family::none) if it is unknown
  //          or the connection is closed. An unnamed Unix socket has an empty path.
  // Blocks   never. Threads: safe beside everything.
  [[nodiscard]] address local_address() const;
  [[nodiscard]] address remote_address() const;

  // Limits how long reads, writes or both may wait: an absolute time, for all calls that are on and
  // all to come, until it is set anew. Past: they fail at once, even if data is there.
  // deadline::none() clears it. After errc::deadline_exceeded a new deadline makes the connection
  // usable again.
  //
  //   Returns  nothing.
  //   Blocks   never; allocates nothing.
  //   Errors   errc::closed
  //   Threads  safe beside everything: other fibers set and move deadlines of a blocked call.
  //   Source   the contract of Go's net.Conn.SetDeadline.
  result<void> set_deadline(deadline when) noexcept;
  result<void> set_read_deadline(deadline when) noexcept;
  result<void> set_write_deadline(deadline when) noexcept;

  // Socket options. All of them: block never, are safe beside everything, and fail as the system
  // reports it (a Unix socket has no no_delay).
  //
  // Sends small writes at once instead of waiting for an acknowledgement. On for every TCP
  // connection to begin with, as in Go.
  result<void> no_delay(bool on) noexcept;
  // Lets the system probe a silent peer, so that a dead one is found. Off to begin with.
  result<void> keep_alive(bool on) noexcept;
  // What close does with data that the peer has not acknowledged. Nothing set: sent in the
  // background. 0 s: dropped, and the connection reset. Longer: close waits for at most so long.
  // Units    whole seconds.
  result<void> linger(std::optional<std::chrono::seconds> time) noexcept;
  // Units    bytes; the system rounds and bounds it.
  result<void> receive_buffer_size(std::size_t bytes) noexcept;
  result<void> send_buffer_size(std::size_t bytes) noexcept;

  // Returns  the system's descriptor, -1 without a connection: to look at it or to set options. It
  //          stays the stream's; do not close it, do not make it blocking. Once asked for, the
  //          stream makes no use of what options could have changed: reads may take one more
  //          system call each.
  [[nodiscard]] int native_handle() noexcept;

  // Gives the descriptor away: still open, non-blocking, no longer known to the poller.
  //
  //   Returns  the descriptor; this stream is closed.
  //   Blocks   as close: other users are woken, and leave first.
  //   Errors   errc::closed
  [[nodiscard]] result<int> release() noexcept;

 private:
  friend class listener;
  friend struct stream_maker;
  explicit stream(detail::io_handle_ptr handle) noexcept : handle_(std::move(handle)) {}

  detail::io_handle_ptr handle_;
};

// Makes a stream of a connected stream socket that the program has from elsewhere. The descriptor
// is made non-blocking and close-on-exec.
//
//   Returns  the stream, which owns the descriptor.
//   Blocks   never.
//   Errors   std::errc::invalid_argument  descriptor 0, 1 or 2: the shell shares them
//            std::errc::not_a_socket, errc::not_supported (not a stream, or a listener), or as the
//            system reports it; the descriptor stays the caller's then
//   Threads  any, while run() is on.
[[nodiscard]] result<stream> adopt(int descriptor) noexcept;

}  // namespace sluice::net
