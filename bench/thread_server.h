// thread_server.h: the other way to write blocking code: an operating system's thread for each
// connection, blocking recv and send.
//
// Stacks of 64 KiB: the default is 8 MiB of address space, which 10,000 threads do not get under
// every limit, and who expects as many threads asks for less. Only touched pages count as memory,
// so a smaller stack would save none; 64 KiB leaves a handler room for a few calls and a buffer.
// The guard page stays: with it a thread takes two of the kernel's 65,530 mappings, which allows
// about 32,000 threads. The buffer of 4 KiB is on the stack, where blocking code puts it;
// std::thread was rejected, since it takes no stack size.
//
// A connection for which there is no thread is closed; the first one is said on stderr.
#pragma once

#include <fcntl.h>
#include <pthread.h>

#include <cstring>
#include <ctime>

#include "raw_epoll_loop.h"

namespace bench {

// Returns true if the connection is to be closed, like raw_epoll_loop.h's.
using answer_on_thread = bool (*)(int connection, std::string_view received);

template <answer_on_thread answer>
void* serve_connection(void* argument) {
  const int connection = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  char buffer[4096];
  for (;;) {
    const ssize_t got = recv(connection, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || answer(connection, {buffer, static_cast<std::size_t>(got)})) break;
  }
  close(connection);
  return nullptr;
}

// Waits for a connection. Out of descriptors is a state that passes as others close theirs.
inline int accept_next(int listener) {
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) return connection;
    if (errno == EMFILE || errno == ENFILE) {
      const timespec pause{0, 10'000'000};
      nanosleep(&pause, nullptr);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      die("accept4");
    }
  }
}

// Listens on a port of 127.0.0.1 that the system picks, prints it, and starts a thread for each
// connection, which calls answer(connection, received) for whatever comes.
template <answer_on_thread answer>
[[noreturn]] void serve_with_threads() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 64 * 1024);

  const int listener = listen_somewhere();
  must(fcntl(listener, F_SETFL, 0), "fcntl");
  long started = 0;
  bool said = false;
  for (;;) {
    const int connection = accept_next(listener);
    const int on = 1;
    must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    pthread_t thread{};
    auto* const argument = reinterpret_cast<void*>(static_cast<std::intptr_t>(connection));
    const int error = pthread_create(&thread, &attributes, serve_connection<answer>, argument);
    if (error == 0) {
      ++started;
      continue;
    }
    if (!said) std::fprintf(stderr, "no thread after %ld: %s\n", started, std::strerror(error));
    said = true;
    close(connection);
  }
}

}  // namespace bench
