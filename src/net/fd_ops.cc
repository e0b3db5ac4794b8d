#include "net/fd_ops.h"

#include <algorithm>

#include "net/accept_loop.h"
#include "net/fd_waits.h"

namespace sluice::net {
namespace {

std::unexpected<error> fail_with(const error& why) { return std::unexpected(why); }

// One read, by who has the turn. `Try` is called as try_read() -> os::outcome and asks for `asked`
// bytes, not 0; it keeps nothing when it fails. `into`, if not empty, is where one buffer's read
// may be carried out while the fiber waits.
template <class Try>
result<std::size_t> read_once(io_handle& handle, std::size_t asked, os::read_buffer into,
                              Try try_read) noexcept {
  rt::poll_desc& desc = handle.desc();
  drain_state& drain = handle.drain();
  fair_share& share = handle.share(direction::read);
  share.use();
  for (;;) {
    if (auto refused = rt::descriptor_check(desc, direction::read)) return fail_with(*refused);
    std::optional<os::outcome> got;
    if (drain.may_try(desc)) {
      got = try_read();
    } else {
      rt::count_spared_read();
    }
    if (!got || got->would_block()) {
      if (got) drain.note(desc, *got, asked, handle.short_read_drains());
      const waited came = waits().for_data(handle, into);
      if (came.failed) return fail_with(*came.failed);
      drain.waited();
      share.waited();
      if (!came.done) continue;
      got = came.done;
    }
    drain.note(desc, *got, asked, handle.short_read_drains());
    if (got->ok() && got->bytes() != 0) return got->bytes();
    if (got->ok()) return fail_with(errc::end_of_stream);
    if (!got->would_block()) return fail_with(got->failure());
  }
}

// Sends until `total` bytes are out, by who has the turn. `Try` is called as
// try_send(sent) -> os::outcome and sends what lies behind the first `sent` bytes; `Rest` as
// rest(sent) -> the first of the buffers that are left.
template <class Try, class Rest>
result<std::size_t> send_all(io_handle& handle, std::size_t total, Try try_send,
                             Rest rest) noexcept {
  rt::poll_desc& desc = handle.desc();
  fair_share& share = handle.share(direction::write);
  std::size_t sent = 0;
  share.use();
  const auto stopped = [&](const error& why) { return fail_with(why.with_transferred(sent)); };
  for (;;) {
    if (auto refused = rt::descriptor_check(desc, direction::write)) return stopped(*refused);
    static_cast<void>(desc.slot(direction::write).take_token(desc.generation()));
    os::outcome got = try_send(sent);
    if (got.would_block()) {
      const waited came = waits().for_room(handle, rest(sent));
      if (came.failed) return stopped(*came.failed);
      share.waited();
      if (!came.done || came.done->would_block()) continue;
      got = *came.done;
    }
    if (!got.ok()) return stopped(got.failure());
    sent += got.bytes();
    if (sent == total) return sent;
  }
}

// What is left of the buffers behind the first `skip` bytes, the first piece of it.
os::write_buffer first_rest(std::span<const os::write_buffer> buffers, std::size_t skip) noexcept {
  for (const os::write_buffer& buffer : buffers) {
    if (skip < buffer.size()) return buffer.subspan(skip);
    skip -= buffer.size();
  }
  return {};
}

template <class Buffers>
std::size_t total_size(const Buffers& buffers) noexcept {
  std::size_t sum = 0;
  for (const auto& buffer : buffers) sum += buffer.size();
  return sum;
}

// What one vectored read can bring.
std::size_t asked_of(std::span<const os::read_buffer> buffers) noexcept {
  const auto first = buffers.first(std::min(buffers.size(), os::most_buffers));
  return std::min(total_size(first), os::longest_transfer);
}

}  // namespace

result<std::size_t> read_some(io_handle& handle, os::read_buffer buffer) noexcept {
  if (buffer.empty()) return 0;
  const turn mine(handle.lock(), direction::read);
  if (mine.refused()) return fail_with(*mine.refused());
  buffer = buffer.first(std::min(buffer.size(), os::longest_transfer));
  return read_once(handle, buffer.size(), buffer, [&] { return os::receive(handle.fd(), buffer); });
}

result<std::size_t> read_some(io_handle& handle,
                              std::span<const os::read_buffer> buffers) noexcept {
  // The system takes no more buffers at once; empty ones in front would make a read of nothing.
  while (!buffers.empty() && buffers.front().empty()) buffers = buffers.subspan(1);
  if (buffers.empty()) return 0;
  const turn mine(handle.lock(), direction::read);
  if (mine.refused()) return fail_with(*mine.refused());
  return read_once(handle, asked_of(buffers), {},
                   [&] { return os::receive(handle.fd(), buffers); });
}

result<std::size_t> read_full(io_handle& handle, os::read_buffer buffer) noexcept {
  if (buffer.empty()) return 0;
  const turn mine(handle.lock(), direction::read);
  if (mine.refused()) return fail_with(*mine.refused());
  std::size_t read = 0;
  while (read != buffer.size()) {
    const os::read_buffer rest =
        buffer.subspan(read, std::min(buffer.size() - read, os::longest_transfer));
    const auto got =
        read_once(handle, rest.size(), rest, [&] { return os::receive(handle.fd(), rest); });
    if (got) {
      read += *got;
      continue;
    }
    const bool cut_short = got.error() == errc::end_of_stream && read != 0;
    return fail_with(
        (cut_short ? error(errc::unexpected_end) : got.error()).with_transferred(read));
  }
  return read;
}

result<io::chunk> receive(io_handle& handle) noexcept {
  const turn mine(handle.lock(), direction::read);
  if (mine.refused()) return fail_with(*mine.refused());
  io::chunk chunk;
  const auto got = read_once(handle, io::chunk::capacity, {}, [&] {
    auto taken = io::chunk::take();
    if (!taken) return os::outcome::no_memory();
    const os::outcome tried = os::receive(handle.fd(), taken->space());
    // Nothing is held while the fiber waits.
    if (tried.ok()) chunk = std::move(*taken);
    return tried;
  });
  if (!got) return fail_with(got.error());
  chunk.resize(*got);
  return chunk;
}

result<std::size_t> write_full(io_handle& handle, os::write_buffer buffer) noexcept {
  if (buffer.empty()) return 0;
  const turn mine(handle.lock(), direction::write);
  if (mine.refused()) return fail_with(*mine.refused());
  return send_all(
      handle, buffer.size(),
      [&](std::size_t sent) { return os::send(handle.fd(), buffer.subspan(sent)); },
      [&](std::size_t sent) { return buffer.subspan(sent); });
}

result<std::size_t> write_full(io_handle& handle,
                               std::span<const os::write_buffer> buffers) noexcept {
  const std::size_t total = total_size(buffers);
  if (total == 0) return 0;
  const turn mine(handle.lock(), direction::write);
  if (mine.refused()) return fail_with(*mine.refused());
  return send_all(
      handle, total, [&](std::size_t sent) { return os::send(handle.fd(), buffers, sent); },
      [&](std::size_t sent) { return first_rest(buffers, sent); });
}

result<os::native_handle> accept(io_handle& listener, accept_state& state, address& peer) noexcept {
  const turn mine(listener.lock(), direction::read);
  if (mine.refused()) return fail_with(*mine.refused());
  return accept_loop(
      listener, state, [&] { return os::accept(listener.fd(), peer); },
      [&] { return waits().for_connection(listener, peer); });
}

}  // namespace sluice::net
