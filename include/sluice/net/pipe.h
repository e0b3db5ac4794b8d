// pipe.h: two ends of a connection in memory, with a stream's behaviour: for tests, and for code
// that speaks a protocol within one program.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "sluice/chunk.h"
#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice::detail {
class pipe_state;
}

namespace sluice::net {

// One end. Movable; a moved-from end's calls fail with std::errc::bad_file_descriptor. The
// destructor closes it.
class pipe_end {
 public:
  pipe_end() noexcept = default;
  pipe_end(pipe_end&& other) noexcept = default;
  pipe_end& operator=(pipe_end&& other) noexcept;
  ~pipe_end();

  // As stream::read: at least one byte, or an error.
  //
  //   Returns  n, 1 <= n <= buffer.size(); 0 only for an empty buffer.
  //   Blocks   the calling fiber or thread until there is a byte.
  //   Errors   errc::end_of_stream, errc::deadline_exceeded, errc::closed,
  //            errc::operation_canceled
  //   Threads  safe beside writes; concurrent reads share what comes.
  //   Units    bytes.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> buffer);

  // As stream::receive: what is there, in a leased buffer that is taken only then.
  [[nodiscard]] result<io::chunk> receive();

  // As stream::write: everything, or an error with transferred().
  //
  //   Blocks   while the other end has 64 KiB to read.
  //   Errors   std::errc::broken_pipe  the other end was closed; others as read()
  //   Threads  safe beside reads; concurrent writes may interleave beyond 64 KiB.
  [[nodiscard]] result<std::size_t> write(std::span<const std::byte> data);
  [[nodiscard]] result<std::size_t> write(std::string_view text) {
    return write(std::as_bytes(std::span(text)));
  }

  // The other end reads what is there, then the end of the stream.
  result<void> shutdown_write();
  // Both directions end; whoever waits at this end gets errc::closed. The second time errc::closed.
  result<void> close();

  result<void> set_read_deadline(deadline when);
  result<void> set_write_deadline(deadline when);
  result<void> set_deadline(deadline when);

 private:
  friend std::pair<pipe_end, pipe_end> pipe();
  pipe_end(std::shared_ptr<detail::pipe_state> state, int side) noexcept
      : state_(std::move(state)), side_(side) {}

  std::shared_ptr<detail::pipe_state> state_;
  int side_ = 0;
};

// Returns  two connected ends.
[[nodiscard]] std::pair<pipe_end, pipe_end> pipe();

}  // namespace sluice::net
