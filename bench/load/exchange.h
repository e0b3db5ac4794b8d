// exchange.h: connections that are kept, and a connection for each message.
//
// With a time-out, what goes wrong is counted and does not end the program: an answer that comes
// later than that, or never, is a time-out; a connection that the server closes is lost, and its
// message a time-out.
#pragma once

#include "load/client.h"

namespace bench {

// What came of some messages.
struct outcome {
  std::vector<std::int64_t> latencies;  // of the answers, ns
  int timeouts = 0;
  int lost = 0;  // connections
};

class exchange {
 public:
  exchange(const settings& given, bool connection_each)
      : given_(given),
        connection_each_(connection_each),
        set_(must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        mail_(given),
        clients_(static_cast<std::size_t>(given.connections)) {
    std::uint32_t index = 0;
    for (client& one : clients_) {
      one.index = index++;
      if (!connection_each_) open(one);
    }
  }

  // Sends `count` messages in all and waits for every answer, at most for ten seconds of silence
  // or two minutes in all.
  outcome send_all(int count) {
    to_send_ = count;
    under_way_ = 0;
    result_ = {};
    result_.latencies.reserve(static_cast<std::size_t>(count));
    const std::int64_t ends_at = now_ns() + 120'000'000'000;
    for (client& one : clients_) send_next(one);
    while (under_way_ != 0) {
      epoll_event events[256];
      const int ready = epoll_wait(set_, events, 256, 10'000);
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      if (ready == 0 || now_ns() > ends_at) {
        if (given_.timeout_ms == 0) fail("an answer has not come in time");
        result_.timeouts += under_way_;
        break;
      }
      for (int i = 0; i < ready; ++i) read_answer(clients_[events[i].data.u32]);
    }
    return std::move(result_);
  }

 private:
  void open(client& one) {
    one.descriptor = connect_to(given_);
    watch(set_, one);
  }

  void close_client(client& one) {
    close(one.descriptor);
    one.descriptor = -1;
  }

  void send_next(client& one) {
    if (to_send_ == 0 || (one.descriptor < 0 && !connection_each_)) return;
    --to_send_;
    ++under_way_;
    one.began_at = now_ns();
    if (connection_each_) open(one);
    if (!mail_.send_next(one)) lose(one);
  }

  void read_answer(client& one) {
    switch (mail_.receive(one)) {
      case mailbox::progress::incomplete:
        return;
      case mailbox::progress::closed:
        return lose(one);
      case mailbox::progress::complete:
        break;
    }
    --under_way_;
    const std::int64_t took = now_ns() - one.began_at;
    result_.latencies.push_back(took);
    if (given_.timeout_ms != 0 && took > std::int64_t{given_.timeout_ms} * 1'000'000) {
      ++result_.timeouts;
    }
    if (connection_each_) close_client(one);
    send_next(one);
  }

  void lose(client& one) {
    if (given_.timeout_ms == 0) fail("the server closed a connection");
    close_client(one);
    --under_way_;
    ++result_.lost;
    ++result_.timeouts;
  }

  const settings& given_;
  const bool connection_each_;
  int set_;
  mailbox mail_;
  std::vector<client> clients_;
  int to_send_ = 0;
  int under_way_ = 0;
  outcome result_;
};

}  // namespace bench
