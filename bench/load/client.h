// client.h: one connection of the load: it sends a message, gets the same bytes back and checks
// them. Every message names its connection and its number in its bytes, so that an answer that is
// another connection's, or an old one, is a wrong one.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "load/settings.h"

namespace bench {

struct client {
  int descriptor = -1;
  std::uint32_t index = 0;
  std::uint32_t number = 0;  // of the message under way
  std::size_t received = 0;  // of its answer
  std::int64_t began_at = 0;
};

// Connects from one of 16 addresses in turn: 127.0.0.2 to 127.0.0.17. Connections that have just
// ended keep their ports for a minute, and one address has only 28,000 of them.
inline int connect_to(const settings& given) {
  static std::uint32_t turn = 0;
  const int connection = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  const int on = 1;
  // The port is chosen when the other end is known; without it each needs one of its own.
  must(setsockopt(connection, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "no port yet");
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 16);
  must(bind(connection, reinterpret_cast<const sockaddr*>(&from), sizeof from), "bind");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(given.port));
  if (inet_pton(AF_INET, given.host.c_str(), &where.sin_addr) != 1) die(given.host.c_str());
  must(connect(connection, reinterpret_cast<const sockaddr*>(&where), sizeof where), "connect");
  must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  return connection;
}

inline void watch(int set, const client& one) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = one.index;
  must(epoll_ctl(set, EPOLL_CTL_ADD, one.descriptor, &event), "epoll_ctl");
}

// What a message and its answer need while a call lasts; one of them serves all connections.
class mailbox {
 public:
  explicit mailbox(const settings& given)
      : message_(static_cast<std::size_t>(given.bytes)),
        answer_(static_cast<std::size_t>(given.bytes) + 1) {}

  // Returns whether all of the next message went out.
  bool send_next(client& one) {
    ++one.number;
    one.received = 0;
    compose(one.index, one.number, message_);
    const ssize_t sent = send(one.descriptor, message_.data(), message_.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(message_.size());
  }

  enum class progress { incomplete, complete, closed };

  // Takes what is there of the answer; with flags = 0 it waits as long as the socket lets it. A
  // wrong byte ends the program.
  progress receive(client& one, int flags = MSG_DONTWAIT) {
    // One byte more than is missing: too much is wrong too.
    const std::size_t missing = message_.size() - one.received;
    char* const into = answer_.data() + one.received;
    const ssize_t got = recv(one.descriptor, into, missing + 1, flags);
    const bool later = errno == EINTR || (errno == EAGAIN && flags == MSG_DONTWAIT);
    if (got < 0 && later) return progress::incomplete;
    if (got <= 0) return progress::closed;
    if (static_cast<std::size_t>(got) > missing) fail("more came back than was sent");
    compose(one.index, one.number, message_);
    if (std::memcmp(message_.data() + one.received, into, static_cast<std::size_t>(got)) != 0) {
      fail("other bytes came back than were sent");
    }
    one.received += static_cast<std::size_t>(got);
    return one.received == message_.size() ? progress::complete : progress::incomplete;
  }

 private:
  std::vector<char> message_;
  std::vector<char> answer_;
};

}  // namespace bench
