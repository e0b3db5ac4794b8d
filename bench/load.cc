// load.cc: the other side of the comparisons: connections that each send a message, wait for the
// same bytes to come back, check them, and send the next. One thread, one level-triggered epoll
// set; the caller pins it to a CPU of its own.
//
//   load --connect 127.0.0.1:PORT --server PID --connections 64 --bytes 64 --requests 100000
//
// Prints one line of JSON: the requests, the processor time that the server's whole process took
// for each (user and system, in ns), and this program's own view of the latencies. Every message
// names its connection and its number in its bytes, so that an answer that is another
// connection's, or an old one, is a wrong one. Anything wrong ends with status 1.
//
// The server's time is its process's CPU clock. It is what /proc/PID/stat says in ticks of 10 ms,
// in nanoseconds. Rejected: reading those ticks; a run of one second would be good to 1 % only.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  must(clock_gettime(clock, &now), "clock_gettime");
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

struct settings {
  std::string host = "127.0.0.1";
  int port = 0;
  int server = 0;
  int connections = 64;
  int bytes = 64;
  int requests = 100'000;
  int warm_up = 0;  // requests before the measurement; 0: a tenth
};

int to_number(std::string_view text) {
  int number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number < 0) {
    std::fprintf(stderr, "load: \"%.*s\" is no number\n", static_cast<int>(text.size()),
                 text.data());
    std::exit(2);
  }
  return number;
}

settings parse(int argc, char** argv) {
  settings given;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--connect") {
      const auto colon = value.rfind(':');
      given.host = value.substr(0, colon);
      given.port = to_number(value.substr(colon + 1));
    } else if (name == "--server") {
      given.server = to_number(value);
    } else if (name == "--connections") {
      given.connections = to_number(value);
    } else if (name == "--bytes") {
      given.bytes = to_number(value);
    } else if (name == "--requests") {
      given.requests = to_number(value);
    } else {
      std::fprintf(stderr, "load: no flag is called %s\n", argv[i]);
      std::exit(2);
    }
  }
  if (given.port == 0 || given.bytes < 8 || given.connections < 1 || given.requests < 1) {
    std::fprintf(stderr, "load: --connect, at least 8 bytes, 1 connection and 1 request\n");
    std::exit(2);
  }
  given.warm_up = std::max(given.requests / 10, given.connections);
  return given;
}

int connect_to(const settings& given) {
  const int connection = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(given.port));
  if (inet_pton(AF_INET, given.host.c_str(), &where.sin_addr) != 1) die(given.host.c_str());
  must(connect(connection, reinterpret_cast<const sockaddr*>(&where), sizeof where), "connect");
  const int on = 1;
  must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  return connection;
}

// One connection: one message under way at a time.
struct client {
  int descriptor = -1;
  std::uint32_t index = 0;
  std::uint32_t number = 0;  // of the message under way
  std::size_t received = 0;  // of its answer
  std::int64_t sent_at = 0;
};

class load {
 public:
  explicit load(const settings& given)
      : set_(must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        message_(static_cast<std::size_t>(given.bytes)),
        answer_(static_cast<std::size_t>(given.bytes) + 1),
        clients_(static_cast<std::size_t>(given.connections)) {
    std::uint32_t index = 0;
    for (client& one : clients_) {
      one.index = index++;
      one.descriptor = connect_to(given);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u32 = one.index;
      must(epoll_ctl(set_, EPOLL_CTL_ADD, one.descriptor, &event), "epoll_ctl");
    }
  }

  // Sends `count` messages in all and waits for every answer.
  void exchange(int count) {
    to_send_ = count;
    under_way_ = 0;
    latencies_.clear();
    latencies_.reserve(static_cast<std::size_t>(count));
    for (client& one : clients_) send_next(one);
    while (under_way_ != 0) {
      epoll_event events[256];
      const int ready = epoll_wait(set_, events, 256, 10'000);
      if (ready < 0 && errno != EINTR) die("epoll_wait");
      if (ready == 0) fail("an answer has not come for ten seconds");
      for (int i = 0; i < ready; ++i) read_answer(clients_[events[i].data.u32]);
    }
  }

  // The latency that `share` of the requests stayed below, ns. exchange() comes first.
  [[nodiscard]] std::int64_t percentile(double share) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1));
    const auto place = latencies_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(latencies_.begin(), place, latencies_.end());
    return *place;
  }

  [[nodiscard]] std::size_t answers() const noexcept { return latencies_.size(); }

 private:
  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "load: %s\n", what);
    std::exit(1);
  }

  // Message `number` of connection `index`: eight bytes of both, again and again.
  void compose(const client& one, std::vector<char>& into) const {
    const std::uint32_t name[2] = {one.index, one.number};
    char pattern[sizeof name];
    std::memcpy(pattern, name, sizeof name);
    for (std::size_t i = 0; i < message_.size(); ++i) into[i] = pattern[i % sizeof pattern];
  }

  void send_next(client& one) {
    if (to_send_ == 0) return;
    --to_send_;
    ++under_way_;
    ++one.number;
    one.received = 0;
    compose(one, message_);
    one.sent_at = read_clock(CLOCK_MONOTONIC);
    const ssize_t sent = send(one.descriptor, message_.data(), message_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(message_.size())) die("send");
  }

  void read_answer(client& one) {
    // One byte more than is missing: too much is wrong too.
    const std::size_t missing = message_.size() - one.received;
    char* const into = answer_.data() + one.received;
    const ssize_t got = recv(one.descriptor, into, missing + 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) die("recv");
    if (got == 0) fail("the server closed a connection");
    if (static_cast<std::size_t>(got) > missing) fail("more came back than was sent");
    compose(one, message_);
    if (std::memcmp(message_.data() + one.received, into, static_cast<std::size_t>(got)) != 0) {
      fail("other bytes came back than were sent");
    }
    one.received += static_cast<std::size_t>(got);
    if (one.received != message_.size()) return;
    --under_way_;
    latencies_.push_back(read_clock(CLOCK_MONOTONIC) - one.sent_at);
    send_next(one);
  }

  int set_;
  std::vector<char> message_;
  std::vector<char> answer_;
  std::vector<client> clients_;
  int to_send_ = 0;
  int under_way_ = 0;
  std::vector<std::int64_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  const settings given = parse(argc, argv);
  clockid_t server_clock = CLOCK_PROCESS_CPUTIME_ID;
  if (given.server != 0) {
    errno = clock_getcpuclockid(given.server, &server_clock);
    if (errno != 0) die("the server's clock");
  }
  load all(given);
  all.exchange(given.warm_up);

  const std::int64_t cpu_before = read_clock(server_clock);
  const std::int64_t before = read_clock(CLOCK_MONOTONIC);
  all.exchange(given.requests);
  const std::int64_t took = read_clock(CLOCK_MONOTONIC) - before;
  const std::int64_t cpu = read_clock(server_clock) - cpu_before;

  const auto count = static_cast<double>(given.requests);
  if (all.answers() != static_cast<std::size_t>(given.requests)) {
    std::fprintf(stderr, "load: %zu answers to %d requests\n", all.answers(), given.requests);
    return 1;
  }
  std::printf(
      "{\"requests\": %d, \"server_ns\": %.1f, \"per_second\": %.0f, \"p50_us\": %.1f, "
      "\"p99_us\": %.1f}\n",
      given.requests, static_cast<double>(cpu) / count, count * 1e9 / static_cast<double>(took),
      static_cast<double>(all.percentile(0.5)) / 1e3,
      static_cast<double>(all.percentile(0.99)) / 1e3);
  return 0;
}
