#include "sluice/net/stream.h"

#include <limits>

#include "net/fd_ops.h"
#include "net/io_handle.h"
#include "net/stream_maker.h"

namespace sluice::net {
namespace {

// The answer of every call on a stream that cannot be used: it was moved from, or it has outlived
// the runtime in which it was made.
std::unexpected<error> no_connection(const io_handle* handle) noexcept {
  if (handle != nullptr) return std::unexpected(error(errc::closed));
  return std::unexpected(error(std::errc::bad_file_descriptor));
}

bool is_usable(const io_handle* handle) noexcept {
  return handle != nullptr && !handle->is_orphan();
}

result<void> to_result(os::outcome done) noexcept {
  if (done.ok()) return {};
  return std::unexpected(done.failure());
}

// Calls `what(handle)`, which needs no turn, while nobody can close the descriptor.
template <class F>
result<void> visited(io_handle* handle, F&& what) noexcept {
  if (!is_usable(handle)) return no_connection(handle);
  const visit inside(handle->lock());
  if (!inside) return std::unexpected(error(errc::closed));
  return to_result(what(*handle));
}

result<void> set_flag(io_handle* handle, os::socket_option option, bool on) noexcept {
  return visited(handle, [&](io_handle& h) { return os::set_option(h.fd(), option, on ? 1 : 0); });
}

result<void> set_size(io_handle* handle, os::socket_option option, std::size_t bytes) noexcept {
  const int value = static_cast<int>(
      std::min<std::size_t>(bytes, static_cast<std::size_t>(std::numeric_limits<int>::max())));
  return visited(handle, [&](io_handle& h) { return os::set_option(h.fd(), option, value); });
}

}  // namespace

result<std::size_t> stream::read(std::span<std::byte> buffer) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return read_some(*handle_, buffer);
}

result<std::size_t> stream::readv(std::span<const std::span<std::byte>> buffers) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return read_some(*handle_, buffers);
}

result<std::size_t> stream::read_full(std::span<std::byte> buffer) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return net::read_full(*handle_, buffer);
}

result<io::chunk> stream::receive() noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return net::receive(*handle_);
}

result<std::size_t> stream::write(std::span<const std::byte> data) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return write_full(*handle_, data);
}

result<std::size_t> stream::writev(std::span<const std::span<const std::byte>> buffers) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return write_full(*handle_, buffers);
}

result<void> stream::shutdown_read() noexcept {
  return visited(handle_.get(), [](io_handle& h) {
    const os::outcome done = os::shutdown(h.fd(), os::half::read);
    if (done.ok()) rt::descriptor_shut_reading(h.desc());
    return done;
  });
}

result<void> stream::shutdown_write() noexcept {
  return visited(handle_.get(), [](io_handle& h) { return os::shutdown(h.fd(), os::half::write); });
}

result<void> stream::close() noexcept {
  if (handle_ == nullptr) return no_connection(nullptr);
  return handle_->close();
}

address stream::local_address() const {
  if (!is_usable(handle_.get())) return {};
  const visit inside(handle_->lock());
  if (!inside) return {};
  return os::local_address(handle_->fd()).value_or(address());
}

address stream::remote_address() const { return handle_ != nullptr ? handle_->remote : address(); }

result<void> stream::set_deadline(deadline when) noexcept {
  auto done = set_read_deadline(when);
  return done ? set_write_deadline(when) : done;
}

result<void> stream::set_read_deadline(deadline when) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return handle_->set_deadline(direction::read, when);
}

result<void> stream::set_write_deadline(deadline when) noexcept {
  if (!is_usable(handle_.get())) return no_connection(handle_.get());
  return handle_->set_deadline(direction::write, when);
}

result<void> stream::no_delay(bool on) noexcept {
  return set_flag(handle_.get(), os::socket_option::no_delay, on);
}

result<void> stream::keep_alive(bool on) noexcept {
  return set_flag(handle_.get(), os::socket_option::keep_alive, on);
}

result<void> stream::linger(std::optional<std::chrono::seconds> time) noexcept {
  constexpr std::int64_t longest = 32767;  // what every system takes
  const std::int64_t count = time ? std::max<std::int64_t>(time->count(), 0) : -1;
  const int seconds = static_cast<int>(std::min(count, longest));
  return visited(handle_.get(), [&](io_handle& h) {
    const os::outcome done = os::set_linger(h.fd(), seconds);
    if (done.ok()) h.note_linger(seconds);
    return done;
  });
}

result<void> stream::receive_buffer_size(std::size_t bytes) noexcept {
  return set_size(handle_.get(), os::socket_option::receive_buffer, bytes);
}

result<void> stream::send_buffer_size(std::size_t bytes) noexcept {
  return set_size(handle_.get(), os::socket_option::send_buffer, bytes);
}

int stream::native_handle() noexcept {
  if (handle_ == nullptr || handle_->lock().is_closed()) return os::no_handle;
  handle_->note_shared();
  return handle_->fd();
}

result<int> stream::release() noexcept {
  if (handle_ == nullptr) return no_connection(nullptr);
  return handle_->release();
}

result<stream> adopt(int descriptor) noexcept {
  if (descriptor >= 0 && descriptor <= 2) {
    return std::unexpected(error(std::errc::invalid_argument));
  }
  const auto traits = os::describe_socket(descriptor);
  if (!traits) return std::unexpected(traits.error());
  if (!traits->is_stream || traits->is_listening) {
    return std::unexpected(error(errc::not_supported));
  }
  for (const os::outcome done :
       {os::make_non_blocking(descriptor), os::make_close_on_exec(descriptor),
        os::forbid_sigpipe(descriptor)}) {
    if (!done.ok()) return std::unexpected(done.failure());
  }
  const auto linger = os::get_linger(descriptor);
  auto remote = os::remote_address(descriptor);
  if (!remote) return std::unexpected(remote.error());
  auto handle = io_handle::create(descriptor, *traits, on_failure::keep);
  if (!handle) return std::unexpected(handle.error());
  (*handle)->note_known();
  (*handle)->note_linger(linger.value_or(-1));
  (*handle)->remote = std::move(*remote);
  return stream_maker::make(std::move(*handle));
}

}  // namespace sluice::net

void sluice::detail::net_deleter::operator()(net::io_handle* handle) const noexcept {
  delete handle;
}
