// raw_epoll_loop.h: the yardstick. A thread, a level-triggered epoll set, and what a server needs
// by hand: no fibers, no buffers kept, no memory of its own beyond one buffer. What sluice costs is
// what its server takes beyond this.
//
// --threads N makes N of them, each with a set of its own; the first also accepts, and deals the
// connections to the sets in turn. Rejected: a listener each with SO_REUSEPORT, whose hash gives
// one thread half as many connections again as the other, and a set that all share, which wakes two
// for one report.
//
// It takes short cuts that a real server could not: what does not fit into the socket's buffer at
// once ends the program (the load never has more than a few small messages under way).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <vector>

namespace bench {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

inline int listen_somewhere() {
  const int listener = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* const address = reinterpret_cast<sockaddr*>(&where);
  must(bind(listener, address, size), "bind");
  must(listen(listener, SOMAXCONN), "listen");
  must(getsockname(listener, address, &size), "getsockname");
  std::printf("listening on 127.0.0.1:%u\n", unsigned{ntohs(where.sin_port)});
  std::fflush(stdout);
  return listener;
}

inline void watch(int set, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  must(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

// Gives each new connection to the next of the sets.
inline void accept_all(const std::vector<int>& sets, int listener) {
  static std::size_t dealt = 0;
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EAGAIN || errno == ECONNABORTED) return;
      die("accept4");
    }
    const int on = 1;
    must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    watch(sets[dealt++ % sets.size()], connection);
  }
}

inline void send_whole(int connection, std::string_view data) {
  const ssize_t sent = send(connection, data.data(), data.size(), MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(data.size())) return;
  // The client is free to go before it has its answer.
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
  die("send");
}

// What one thread does. `sets` are everybody's, `set` is its own; the listener is in the first.
template <class Answer>
[[noreturn]] void serve_set(int set, int listener, const std::vector<int>& sets, Answer answer) {
  static thread_local char buffer[16 * 1024];
  for (;;) {
    epoll_event events[256];
    const int count = epoll_wait(set, events, 256, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const int ready = events[i].data.fd;
      if (ready == listener) {
        accept_all(sets, listener);
        continue;
      }
      const ssize_t got = recv(ready, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EAGAIN) continue;
      const bool over =
          got <= 0 || answer(ready, std::string_view(buffer, static_cast<std::size_t>(got)));
      if (over) close(ready);
    }
  }
}

// 1, or what --threads says.
inline int threads_wanted(int argc, char** argv) {
  if (argc == 1) return 1;
  const int threads = argc == 3 && std::strcmp(argv[1], "--threads") == 0 ? std::atoi(argv[2]) : 0;
  if (threads >= 1 && threads <= 64) return threads;
  std::fprintf(stderr, "usage: %s [--threads 1...64]\n", argv[0]);
  std::exit(2);
}

// Listens on a port of 127.0.0.1 that the system picks, prints it, and calls
// answer(connection, received) for whatever comes, on any of the threads. True: close the
// connection.
template <class Answer>
[[noreturn]] void serve_for_ever(int argc, char** argv, Answer answer) {
  static std::vector<int> sets(static_cast<std::size_t>(threads_wanted(argc, argv)));
  for (int& set : sets) set = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listener = listen_somewhere();
  watch(sets[0], listener);
  for (std::size_t i = 1; i < sets.size(); ++i) {
    std::thread([=] { serve_set(sets[i], listener, sets, answer); }).detach();
  }
  serve_set(sets[0], listener, sets, answer);
}

}  // namespace bench
