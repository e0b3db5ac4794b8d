#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "testing/socket_pairs.h"

namespace sluice::rt {
namespace {

void make_non_blocking(os::native_handle fd) { EXPECT_EQ(::fcntl(fd, F_SETFL, O_NONBLOCK), 0); }

}  // namespace

std::size_t test_socket::send(std::string_view text) const {
  const auto sent = ::send(handle_, text.data(), text.size(), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void test_socket::send_urgent(char byte) const {
  EXPECT_EQ(::send(handle_, &byte, 1, MSG_OOB | MSG_NOSIGNAL), 1);
}

void test_socket::shut_down_writing() const { EXPECT_EQ(::shutdown(handle_, SHUT_WR), 0); }

void test_socket::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(handle_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
  close();
}

std::string test_socket::drain() const {
  std::string all;
  std::array<char, 4096> part{};
  for (;;) {
    const auto got = ::recv(handle_, part.data(), part.size(), 0);
    if (got <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(got));
  }
}

socket_pair make_local_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  for (const int end : ends) make_non_blocking(end);
  return {test_socket(ends[0]), test_socket(ends[1])};
}

socket_pair make_tcp_pair() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const test_socket listener(::socket(AF_INET, SOCK_STREAM, 0));
  if (listener.get() < 0) throw std::system_error(errno, std::generic_category(), "socket");
  EXPECT_EQ(::bind(listener.get(), any, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), any, &size), 0);
  test_socket peer(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(::connect(peer.get(), any, size), 0);
  test_socket watched(::accept(listener.get(), nullptr, nullptr));
  for (const int end : {watched.get(), peer.get()}) make_non_blocking(end);
  return {std::move(watched), std::move(peer)};
}

test_socket make_plain_file() {
  std::FILE* const file = std::tmpfile();
  EXPECT_NE(file, nullptr);
  test_socket copy(::dup(::fileno(file)));
  std::fclose(file);
  return copy;
}

}  // namespace sluice::rt
