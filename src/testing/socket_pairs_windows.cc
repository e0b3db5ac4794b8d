#include <gtest/gtest.h>
#include <io.h>

#include <array>
#include <cstdio>

#include "testing/socket_pairs.h"
#include "testing/winsock_windows.h"

namespace sluice::rt {
namespace {

using testing::open_socket;
using testing::socket_of;

void make_non_blocking(os::native_handle fd) {
  u_long on = 1;
  EXPECT_EQ(::ioctlsocket(socket_of(fd), static_cast<long>(FIONBIO), &on), 0);
}

}  // namespace

std::size_t test_socket::send(std::string_view text) const {
  const int sent = ::send(socket_of(handle_), text.data(), static_cast<int>(text.size()), 0);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void test_socket::send_urgent(char byte) const {
  EXPECT_EQ(::send(socket_of(handle_), &byte, 1, MSG_OOB), 1);
}

void test_socket::shut_down_writing() const {
  EXPECT_EQ(::shutdown(socket_of(handle_), SD_SEND), 0);
}

void test_socket::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(socket_of(handle_), SOL_SOCKET, SO_LINGER,
                         reinterpret_cast<const char*>(&at_once), sizeof(at_once)),
            0);
  close();
}

std::string test_socket::drain() const {
  std::string all;
  std::array<char, 4096> part{};
  for (;;) {
    const int got = ::recv(socket_of(handle_), part.data(), static_cast<int>(part.size()), 0);
    if (got <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(got));
  }
}

// No pairs of local sockets here.
socket_pair make_local_pair() { return make_tcp_pair(); }

socket_pair make_tcp_pair() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const test_socket listener(open_socket(AF_INET));
  EXPECT_EQ(::bind(socket_of(listener.get()), any, size), 0);
  EXPECT_EQ(::listen(socket_of(listener.get()), 1), 0);
  EXPECT_EQ(::getsockname(socket_of(listener.get()), any, &size), 0);
  test_socket peer(open_socket(AF_INET));
  EXPECT_EQ(::connect(socket_of(peer.get()), any, size), 0);
  test_socket watched(static_cast<int>(::accept(socket_of(listener.get()), nullptr, nullptr)));
  for (const int end : {watched.get(), peer.get()}) make_non_blocking(end);
  return {std::move(watched), std::move(peer)};
}

test_socket make_plain_file() {
  std::FILE* const file = std::tmpfile();
  EXPECT_NE(file, nullptr);
  const auto own = reinterpret_cast<HANDLE>(::_get_osfhandle(::_fileno(file)));
  HANDLE copy = nullptr;
  const HANDLE process = ::GetCurrentProcess();
  EXPECT_TRUE(::DuplicateHandle(process, own, process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
  std::fclose(file);
  return test_socket(static_cast<int>(reinterpret_cast<std::intptr_t>(copy)));
}

}  // namespace sluice::rt
