// socket.h: stream sockets, one system call a function. Every socket is non-blocking and
// close-on-exec; nothing here waits, save close_handle with a positive linger.
//
// Hot calls return an `outcome`, one word that carries either a count or the system's error number:
// who calls them parks, and no errno may be looked at on both sides of a park. The rest returns
// results.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "os/handle.h"
#include "sluice/error.h"
#include "sluice/net/address.h"

namespace sluice::os {

// What a system call came to: a count or a handle, or the negated error number.
class outcome {
 public:
  explicit constexpr outcome(std::int64_t value) noexcept : value_(value) {}

  // What a call fails with when there is no memory for its buffer.
  [[nodiscard]] static outcome no_memory() noexcept;

  [[nodiscard]] constexpr bool ok() const noexcept { return value_ >= 0; }
  [[nodiscard]] constexpr std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(value_);
  }
  [[nodiscard]] constexpr native_handle handle() const noexcept {
    return static_cast<native_handle>(value_);
  }

  // The call would have to wait: EAGAIN.
  [[nodiscard]] bool would_block() const noexcept;
  // connect: under way, ask later.
  [[nodiscard]] bool in_progress() const noexcept;
  // connect: it is connected already.
  [[nodiscard]] bool is_connected() const noexcept;
  // accept: the trouble of one connection that is gone, or the network's; the next may be well.
  [[nodiscard]] bool is_passing() const noexcept;
  // accept: no descriptors or memory are left; it passes when somebody gives some back.
  [[nodiscard]] bool is_exhausted() const noexcept;
  // connect: nobody listens there (a stale socket file).
  [[nodiscard]] bool is_refused() const noexcept;
  // An operation of a completion backend that was cancelled in time.
  [[nodiscard]] bool is_cancelled() const noexcept;
  // bind: somebody is there already.
  [[nodiscard]] bool is_taken() const noexcept;
  // Precondition: !ok().
  [[nodiscard]] error failure() const noexcept;

 private:
  std::int64_t value_;
};

// Reads and writes are cut to this much a call.
inline constexpr std::size_t longest_transfer = std::size_t{1} << 30;
// Buffers that one vectored call takes; the rest waits for the next call.
inline constexpr std::size_t most_buffers = 64;

using read_buffer = std::span<std::byte>;
using write_buffer = std::span<const std::byte>;

// --- the hot calls -------------------------------------------------------------------------------

[[nodiscard]] outcome receive(native_handle socket, read_buffer buffer) noexcept;
[[nodiscard]] outcome receive(native_handle socket, std::span<const read_buffer> buffers) noexcept;
// Never raises SIGPIPE.
[[nodiscard]] outcome send(native_handle socket, write_buffer buffer) noexcept;
// Leaves out the first `skip` bytes of the buffers.
[[nodiscard]] outcome send(native_handle socket, std::span<const write_buffer> buffers,
                           std::size_t skip) noexcept;
// Returns the new connection's handle. `peer` is written on success.
[[nodiscard]] outcome accept(native_handle listener, net::address& peer) noexcept;

// --- setting up ----------------------------------------------------------------------------------

[[nodiscard]] outcome open_stream(net::address::family family) noexcept;
[[nodiscard]] outcome bind(native_handle socket, const net::address& where) noexcept;
[[nodiscard]] outcome listen(native_handle socket, int backlog) noexcept;
[[nodiscard]] outcome connect(native_handle socket, const net::address& where) noexcept;
// What became of a connect: ok, or its error. Asking clears it.
[[nodiscard]] outcome pending_error(native_handle socket) noexcept;

// Which half of a connection.
enum class half : std::uint8_t { read, write };
[[nodiscard]] outcome shutdown(native_handle socket, half which) noexcept;

[[nodiscard]] result<net::address> local_address(native_handle socket);
[[nodiscard]] result<net::address> remote_address(native_handle socket);

enum class socket_option : std::uint8_t {
  reuse_address,
  only_ipv6,
  no_delay,
  keep_alive,
  receive_buffer,
  send_buffer,
};
[[nodiscard]] outcome set_option(native_handle socket, socket_option which, int value) noexcept;
[[nodiscard]] result<int> get_option(native_handle socket, socket_option which) noexcept;

// Units: seconds; negative: off.
[[nodiscard]] outcome set_linger(native_handle socket, int seconds) noexcept;
[[nodiscard]] result<int> get_linger(native_handle socket) noexcept;

// An address as the system reads and writes it, for operations that it carries out by itself.
struct address_buffer {
  alignas(16) std::array<std::byte, 128> bytes{};
  std::uint32_t size = 128;
};
[[nodiscard]] address_buffer encode_address(const net::address& from) noexcept;
[[nodiscard]] net::address decode_address(const address_buffer& from);

// --- adopting ------------------------------------------------------------------------------------

struct socket_traits {
  net::address::family family = net::address::family::none;
  bool is_stream = false;
  // A read that returns less than was asked for has emptied it: TCP without an upper-layer protocol
  // and with the usual low-water mark.
  bool short_read_drains = false;
  bool is_listening = false;
};
[[nodiscard]] result<socket_traits> describe_socket(native_handle handle) noexcept;

[[nodiscard]] outcome make_non_blocking(native_handle handle) noexcept;
[[nodiscard]] outcome make_close_on_exec(native_handle handle) noexcept;
// Where a socket is tied to its poller for as long as it is open, unties it, if the system can
// (Windows 8.1): another poller may have it then. No operation is under way.
void leave_poller(native_handle socket) noexcept;
// On systems where that is said of a socket and not of a send: a send to nobody raises no SIGPIPE.
// open_stream and accept have done it.
[[nodiscard]] outcome forbid_sigpipe(native_handle socket) noexcept;

// --- socket files --------------------------------------------------------------------------------

// Which file a path names, to know it again.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  bool is_socket = false;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};
[[nodiscard]] result<file_identity> identify_file(const std::string& path) noexcept;
void remove_file(const std::string& path) noexcept;

}  // namespace sluice::os
