// transport.h: what an HTTP connection needs of whatever carries it: a socket, an in-memory pipe,
// TLS.
//
// Rejected: a template parameter. The connection would be compiled once for each carrier, and a
// virtual call is nothing beside the system call behind it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "sluice/chunk.h"
#include "sluice/deadline.h"
#include "sluice/error.h"

namespace sluice::http {

class transport {
 public:
  virtual ~transport() = default;

  // Waits for bytes and leases a buffer only when they are there.
  // Errors: errc::end_of_stream, errc::deadline_exceeded, errc::closed, errc::operation_canceled, …
  virtual result<io::chunk> receive() = 0;
  // The same, into the caller's buffer, which is not empty.
  virtual result<std::size_t> read(std::span<std::byte> buffer) = 0;
  // Writes all of both, in this order and if possible at once.
  virtual result<void> write(std::string_view first, std::string_view second) = 0;

  virtual void set_read_deadline(deadline until) = 0;
  virtual void set_write_deadline(deadline until) = 0;

  // Says that nothing more will be written; reading goes on.
  virtual void shutdown_write() = 0;
};

}  // namespace sluice::http
