// socket_posix.cc: what every Unix has in the same form.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "os/socket_address.h"
#include "os/socket_call_posix.h"

// Where a send cannot say it, its socket does (forbid_sigpipe).
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

namespace sluice::os {
namespace {

// Abstract names of local sockets, which are no files, are Linux's alone.
constexpr bool has_abstract_names =
#ifdef __linux__
    true;
#else
    false;
#endif

bool is_possible(const net::address& where) noexcept {
  return has_abstract_names || where.which() != net::address::family::path ||
         !where.path().starts_with('@');
}

struct option_name {
  int level;
  int name;
};
option_name name_of(socket_option which) noexcept {
  switch (which) {
    case socket_option::reuse_address:
      return {SOL_SOCKET, SO_REUSEADDR};
    case socket_option::only_ipv6:
      return {IPPROTO_IPV6, IPV6_V6ONLY};
    case socket_option::no_delay:
      return {IPPROTO_TCP, TCP_NODELAY};
    case socket_option::keep_alive:
      return {SOL_SOCKET, SO_KEEPALIVE};
    case socket_option::receive_buffer:
      return {SOL_SOCKET, SO_RCVBUF};
    case socket_option::send_buffer:
      return {SOL_SOCKET, SO_SNDBUF};
  }
  return {SOL_SOCKET, SO_ERROR};
}

// The first buffers of a list as the system wants them, cut to the longest transfer.
class vectors {
 public:
  template <class Buffer>
  vectors(std::span<const Buffer> buffers, std::size_t skip) noexcept {
    std::size_t room = longest_transfer;
    for (const Buffer& buffer : buffers) {
      if (size_ == entries_.size() || room == 0) break;
      if (skip >= buffer.size()) {
        skip -= buffer.size();
        continue;
      }
      const std::size_t length = std::min(buffer.size() - skip, room);
      entries_[size_++] = {const_cast<std::byte*>(buffer.data()) + skip, length};
      room -= length;
      skip = 0;
    }
  }
  [[nodiscard]] msghdr message() noexcept {
    msghdr header{};
    header.msg_iov = entries_.data();
    header.msg_iovlen = static_cast<decltype(header.msg_iovlen)>(size_);
    return header;
  }

 private:
  std::array<iovec, most_buffers> entries_;
  std::size_t size_ = 0;
};

template <class Call>
result<net::address> name_of_end(native_handle socket, Call ask) {
  raw_address raw;
  const outcome asked = counted(call::other, [&] { return ask(socket, &raw.any, &raw.size); });
  if (!asked.ok()) return std::unexpected(asked.failure());
  return raw.decode();
}

outcome change_flags(native_handle handle, int get, int set, int flag) noexcept {
  const outcome flags = counted(call::other, [&] { return ::fcntl(handle, get); });
  if (!flags.ok() || (flags.handle() & flag) != 0) return flags;
  return counted(call::other, [&] { return ::fcntl(handle, set, flags.handle() | flag); });
}

}  // namespace

outcome receive(native_handle socket, read_buffer buffer) noexcept {
  const std::size_t length = std::min(buffer.size(), longest_transfer);
  return counted(call::read, [&] { return ::recv(socket, buffer.data(), length, 0); });
}

outcome receive(native_handle socket, std::span<const read_buffer> buffers) noexcept {
  vectors list(buffers, 0);
  msghdr message = list.message();
  return counted(call::read, [&] { return ::recvmsg(socket, &message, 0); });
}

outcome send(native_handle socket, write_buffer buffer) noexcept {
  const std::size_t length = std::min(buffer.size(), longest_transfer);
  return counted(call::write, [&] { return ::send(socket, buffer.data(), length, MSG_NOSIGNAL); });
}

outcome send(native_handle socket, std::span<const write_buffer> buffers,
             std::size_t skip) noexcept {
  vectors list(buffers, skip);
  const msghdr message = list.message();
  return counted(call::write, [&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); });
}

outcome bind(native_handle socket, const net::address& where) noexcept {
  if (!is_possible(where)) return outcome(-ENOTSUP);
  const raw_address raw(where);
  return counted(call::other, [&] { return ::bind(socket, &raw.any, raw.size); });
}

outcome listen(native_handle socket, int backlog) noexcept {
  return counted(call::other, [&] { return ::listen(socket, backlog); });
}

outcome connect(native_handle socket, const net::address& where) noexcept {
  if (!is_possible(where)) return outcome(-ENOTSUP);
  const raw_address raw(where);
  // A signal leaves the connect under way: asked again, it says EALREADY, which is in_progress.
  return counted(call::other, [&] { return ::connect(socket, &raw.any, raw.size); });
}

outcome pending_error(native_handle socket) noexcept {
  int number = 0;
  socklen_t size = sizeof(number);
  const outcome asked = counted(
      call::other, [&] { return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &size); });
  return asked.ok() ? outcome(-number) : asked;
}

outcome shutdown(native_handle socket, half which) noexcept {
  const int how = which == half::read ? SHUT_RD : SHUT_WR;
  return counted(call::other, [&] { return ::shutdown(socket, how); });
}

result<net::address> local_address(native_handle socket) {
  return name_of_end(socket, ::getsockname);
}

result<net::address> remote_address(native_handle socket) {
  return name_of_end(socket, ::getpeername);
}

outcome set_option(native_handle socket, socket_option which, int value) noexcept {
  const option_name option = name_of(which);
  return counted(call::other, [&] {
    return ::setsockopt(socket, option.level, option.name, &value, sizeof(value));
  });
}

result<int> get_option(native_handle socket, socket_option which) noexcept {
  const option_name option = name_of(which);
  int value = 0;
  socklen_t size = sizeof(value);
  const outcome asked = counted(
      call::other, [&] { return ::getsockopt(socket, option.level, option.name, &value, &size); });
  if (!asked.ok()) return std::unexpected(asked.failure());
  return value;
}

outcome set_linger(native_handle socket, int seconds) noexcept {
  const linger value{seconds >= 0 ? 1 : 0, std::max(seconds, 0)};
  return counted(call::other, [&] {
    return ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, sizeof(value));
  });
}

result<int> get_linger(native_handle socket) noexcept {
  linger value{};
  socklen_t size = sizeof(value);
  const outcome asked = counted(
      call::other, [&] { return ::getsockopt(socket, SOL_SOCKET, SO_LINGER, &value, &size); });
  if (!asked.ok()) return std::unexpected(asked.failure());
  return value.l_onoff != 0 ? value.l_linger : -1;
}

outcome make_non_blocking(native_handle handle) noexcept {
  return change_flags(handle, F_GETFL, F_SETFL, O_NONBLOCK);
}

// A poller that is gone has let go of everything.
void leave_poller(native_handle) noexcept {}

outcome make_close_on_exec(native_handle handle) noexcept {
  return change_flags(handle, F_GETFD, F_SETFD, FD_CLOEXEC);
}

result<file_identity> identify_file(const std::string& path) noexcept {
  struct stat status{};
  const outcome asked = counted(call::other, [&] { return ::lstat(path.c_str(), &status); });
  if (!asked.ok()) return std::unexpected(asked.failure());
  return file_identity{static_cast<std::uint64_t>(status.st_dev),
                       static_cast<std::uint64_t>(status.st_ino), S_ISSOCK(status.st_mode)};
}

void remove_file(const std::string& path) noexcept {
  count_call(call::other);
  // A file that is gone already is as good.
  ::unlink(path.c_str());
}

error outcome::failure() const noexcept { return error::from_errno(static_cast<int>(-value_)); }

}  // namespace sluice::os
