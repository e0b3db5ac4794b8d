// c10k_clients.cc: many clients of an echo server in one process, each with a connection of its
// own. bench/c10k.py starts as many such processes as the limits ask for, and reads what they
// print.
//
//   c10k_clients --connect 127.0.0.1:PORT --from 127.0.0.2 --clients 5000 --seed 1
//
// Commands come on stdin, a line each; every one ends with a line of JSON that has "done":
//   open           connects everybody; each says a first word and awaits the answer
//   talk MS THINK  for MS milliseconds everybody talks now and then: a pause between none and twice
//                  THINK microseconds, a request, its answer, the next pause
//   rush MS        for MS milliseconds everybody sends the next request as soon as it is answered
//   count N        everybody sends N requests so, however long it takes
// Every quarter of a second a line says how far it is. The end of stdin ends the process.
//
// A request is 64 bytes that name client and number, and its answer must be the same bytes.
// Latency counts from the moment when the client meant to send: a process that gets no processor
// sends late, and leaving that out would flatter a server that takes them all. A request without an
// answer after the time-out is counted as one; it stays under way and its latency counts when it
// comes. A connection that fails is closed, counted with its reason, and not opened again.
//
// One thread, one level-triggered epoll set. Rejected: a thread or a fiber for each client, which
// would bring what is measured to both sides.
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <deque>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <queue>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "c10k_histogram.h"
#include "raw_epoll_loop.h"

namespace {

using bench::must;

constexpr std::size_t message_bytes = 64;
constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t report_every = 250 * millisecond;
// How long answers that are under way at the end of a phase are waited for.
constexpr std::int64_t patience = 5'000 * millisecond;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
// So many clients in a row without an answer, and no more are opened.
constexpr int hopeless = 3;

std::int64_t now() {
  timespec time{};
  must(clock_gettime(CLOCK_MONOTONIC, &time), "clock_gettime");
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

[[noreturn]] void refuse(const std::string& what) {
  std::fprintf(stderr, "c10k_clients: %s\n", what.c_str());
  std::exit(2);
}

std::int64_t to_number(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number < 0) {
    refuse('"' + std::string(text) + "\" is no number");
  }
  return number;
}

sockaddr_in address_of(const std::string& host, std::int64_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) refuse(host + " is no address");
  return address;
}

struct settings {
  sockaddr_in server{};
  sockaddr_in from{};
  std::size_t clients = 0;
  std::uint64_t seed = 1;
  std::int64_t time_out = 2'000 * millisecond;
};

settings parse(int argc, char** argv) {
  settings given;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--connect") {
      const std::size_t colon = value.rfind(':');
      if (colon == std::string::npos) refuse("--connect needs HOST:PORT");
      given.server = address_of(value.substr(0, colon), to_number(value.substr(colon + 1)));
    } else if (name == "--from") {
      given.from = address_of(value, 0);
    } else if (name == "--clients") {
      given.clients = static_cast<std::size_t>(to_number(value));
    } else if (name == "--seed") {
      given.seed = static_cast<std::uint64_t>(to_number(value));
    } else if (name == "--time-out-ms") {
      given.time_out = to_number(value) * millisecond;
    } else {
      refuse("no flag is called " + name);
    }
  }
  if (given.server.sin_port == 0 || given.clients == 0) refuse("--connect and --clients, please");
  return given;
}

struct client {
  int descriptor = -1;
  std::uint32_t number = 0;   // of the request under way, or of the last one
  std::size_t received = 0;   // of its answer
  bool waiting = false;       // for an answer
  std::int64_t meant_at = 0;  // when the request was to be sent
};

// Everything that is counted, from the start of a command.
struct counters {
  long long answers = 0;  // until the phase's end
  long long after = 0;    // after it, of requests sent before
  long long time_outs = 0;
  std::map<std::string, long long> lost;  // connections, by reason
  bench::histogram latencies;
};

class crowd {
 public:
  explicit crowd(const settings& given)
      : given_(given),
        set_(must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        clients_(given.clients),
        random_(given.seed) {}

  void open();
  void talk(std::int64_t duration, std::int64_t think);
  void rush(std::int64_t duration);
  void count(long long each);

 private:
  enum class mode { talk, rush, count };

  static void compose(std::uint32_t index, std::uint32_t number, char* into);
  const char* open_one(std::uint32_t index);
  void begin();
  void run(mode how, std::int64_t duration);
  void wait_for_events(std::int64_t until);
  void send_due(std::int64_t time);
  void notice_time_outs(std::int64_t time);
  void send_request(std::uint32_t index, std::int64_t meant_at);
  void read_answer(std::uint32_t index);
  void answered(std::uint32_t index);
  void lose(std::uint32_t index, const std::string& why);
  void report_if_due(std::int64_t time);
  void report_done(std::int64_t took);
  void print_counters() const;
  double share() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  struct plan {  // who sends when
    std::int64_t at;
    std::uint32_t index;
    bool operator>(const plan& other) const { return at > other.at; }
  };
  struct watched {  // a request that may time out
    std::int64_t at;
    std::uint32_t index;
    std::uint32_t number;
  };

  settings given_;
  int set_;
  std::vector<client> clients_;
  std::mt19937_64 random_;
  mode mode_ = mode::rush;
  bool over_ = false;            // nobody sends any more
  double think_ = 0;             // ns
  std::vector<long long> left_;  // mode::count: of each client
  std::size_t open_ = 0;
  std::size_t under_way_ = 0;
  std::priority_queue<plan, std::vector<plan>, std::greater<>> plans_;
  std::deque<watched> watched_;  // in the order of sending, which is that of their time-outs
  std::int64_t next_report_ = 0;
  counters counted_;
};

// Eight bytes of both, again and again.
void crowd::compose(std::uint32_t index, std::uint32_t number, char* into) {
  const std::uint32_t name[2] = {index, number};
  for (std::size_t i = 0; i < message_bytes; i += sizeof name) {
    std::memcpy(into + i, name, sizeof name);
  }
}

// Connects a client and exchanges its first words, blocking. Returns what went wrong, or nullptr.
const char* crowd::open_one(std::uint32_t index) {
  client& one = clients_[index];
  one.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (one.descriptor < 0) return std::strerror(errno);
  const timeval limit{given_.time_out / 1'000'000'000, given_.time_out / 1000 % 1'000'000};
  const int on = 1;
  must(setsockopt(one.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), "SO_SNDTIMEO");
  must(setsockopt(one.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
  must(setsockopt(one.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  // The port is chosen at connect(), so that each server has all of the address's ports.
  must(setsockopt(one.descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "bind");
  const auto* const from = reinterpret_cast<const sockaddr*>(&given_.from);
  const auto* const server = reinterpret_cast<const sockaddr*>(&given_.server);
  if (bind(one.descriptor, from, sizeof given_.from) < 0) return std::strerror(errno);
  if (connect(one.descriptor, server, sizeof given_.server) < 0) {
    return errno == EINPROGRESS ? "not accepted in time" : std::strerror(errno);
  }
  char request[message_bytes];
  char answer[message_bytes];
  compose(index, one.number, request);
  if (send(one.descriptor, request, sizeof request, MSG_NOSIGNAL) != ssize_t{sizeof request}) {
    return std::strerror(errno);
  }
  const ssize_t got = recv(one.descriptor, answer, sizeof answer, MSG_WAITALL);
  if (got < 0) return errno == EAGAIN ? "no answer in time" : std::strerror(errno);
  if (got != ssize_t{sizeof answer}) return "closed by the server";
  if (std::memcmp(request, answer, sizeof answer) != 0) return "a wrong answer";
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  must(epoll_ctl(set_, EPOLL_CTL_ADD, one.descriptor, &event), "epoll_ctl");
  return nullptr;
}

void crowd::open() {
  begin();
  const std::int64_t start = now();
  int in_vain = 0;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (in_vain == hopeless) {
      counted_.lost["not tried any more"] += static_cast<long long>(clients_.size() - i);
      break;
    }
    const std::int64_t before = now();
    if (const char* const why = open_one(i)) {
      // Refusals are quick and are all counted; silence is not waited for 10,000 times.
      in_vain = now() - before >= given_.time_out / 2 ? in_vain + 1 : 0;
      if (clients_[i].descriptor >= 0) close(clients_[i].descriptor);
      clients_[i].descriptor = -1;
      ++counted_.lost[why];
    } else {
      in_vain = 0;
      ++open_;
      ++counted_.answers;
      counted_.latencies.add(now() - before);
    }
    report_if_due(now());
  }
  report_done(now() - start);
}

void crowd::begin() {
  counted_ = counters{};
  next_report_ = now() + report_every;
}

void crowd::talk(std::int64_t duration, std::int64_t think) {
  think_ = static_cast<double>(think);
  run(mode::talk, duration);
}

void crowd::rush(std::int64_t duration) { run(mode::rush, duration); }

void crowd::count(long long each) {
  left_.assign(clients_.size(), each);
  run(mode::count, never);
}

void crowd::run(mode how, std::int64_t duration) {
  begin();
  mode_ = how;
  over_ = false;
  const std::int64_t start = now();
  const std::int64_t end = duration == never ? never : start + duration;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].descriptor < 0) continue;
    // What is left of a pause that began before: with it the load is even from the first moment.
    const double left = how == mode::talk ? 2 * think_ * (1 - std::sqrt(share())) : 0;
    plans_.push({start + static_cast<std::int64_t>(left), i});
  }
  while (now() < end && open_ != 0 && (!plans_.empty() || under_way_ != 0)) {
    const std::int64_t next = plans_.empty() ? never : plans_.top().at;
    wait_for_events(std::min({next, end, next_report_}));
    send_due(std::min(now(), end));
    notice_time_outs(now());
    report_if_due(now());
  }
  const std::int64_t took = now() - start;
  over_ = true;
  plans_ = {};
  const std::int64_t last = now() + patience;
  while (under_way_ != 0 && now() < last) {
    wait_for_events(std::min(last, next_report_));
    notice_time_outs(now());
    report_if_due(now());
  }
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].waiting) lose(i, "no answer 5 s after the end");
  }
  watched_.clear();
  report_done(took);
}

void crowd::wait_for_events(std::int64_t until) {
  epoll_event events[256];
  const std::int64_t rest = std::max<std::int64_t>(until - now(), 0);
  const timespec limit{rest / 1'000'000'000, rest % 1'000'000'000};
  const int ready = epoll_pwait2(set_, events, 256, &limit, nullptr);
  if (ready < 0 && errno != EINTR) bench::die("epoll_pwait2");
  for (int i = 0; i < ready; ++i) read_answer(events[i].data.u32);
}

void crowd::send_due(std::int64_t time) {
  while (!plans_.empty() && plans_.top().at <= time) {
    const plan next = plans_.top();
    plans_.pop();
    if (clients_[next.index].descriptor >= 0) send_request(next.index, next.at);
  }
}

void crowd::notice_time_outs(std::int64_t time) {
  while (!watched_.empty()) {
    const watched& first = watched_.front();
    const client& one = clients_[first.index];
    const bool waits = one.waiting && one.number == first.number;
    if (waits && time - first.at < given_.time_out) return;
    if (waits) ++counted_.time_outs;
    watched_.pop_front();
  }
}

void crowd::send_request(std::uint32_t index, std::int64_t meant_at) {
  client& one = clients_[index];
  ++one.number;
  one.received = 0;
  one.waiting = true;
  one.meant_at = meant_at;
  ++under_way_;
  watched_.push_back({now(), index, one.number});
  char request[message_bytes];
  compose(index, one.number, request);
  const ssize_t sent = send(one.descriptor, request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != ssize_t{sizeof request})
    lose(index, sent < 0 ? std::strerror(errno) : "a short send");
}

void crowd::read_answer(std::uint32_t index) {
  client& one = clients_[index];
  if (one.descriptor < 0) return;
  // One byte more than is missing: too much is wrong too.
  char answer[message_bytes + 1];
  const std::size_t missing = one.waiting ? message_bytes - one.received : 0;
  const ssize_t got = recv(one.descriptor, answer, missing + 1, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) return lose(index, std::strerror(errno));
  if (got == 0) return lose(index, "closed by the server");
  char request[message_bytes];
  compose(index, one.number, request);
  const auto size = static_cast<std::size_t>(got);
  if (size > missing || std::memcmp(request + one.received, answer, size) != 0) {
    return lose(index, "a wrong answer");
  }
  one.received += size;
  if (one.received == message_bytes) answered(index);
}

void crowd::answered(std::uint32_t index) {
  client& one = clients_[index];
  const std::int64_t time = now();
  one.waiting = false;
  --under_way_;
  ++(over_ ? counted_.after : counted_.answers);
  counted_.latencies.add(time - one.meant_at);
  if (over_) return;
  if (mode_ == mode::talk) {
    plans_.push({time + static_cast<std::int64_t>(2 * think_ * share()), index});
  } else if (mode_ == mode::rush || --left_[index] > 0) {
    send_request(index, time);
  }
}

void crowd::lose(std::uint32_t index, const std::string& why) {
  client& one = clients_[index];
  ++counted_.lost[why];
  --open_;
  if (one.waiting) --under_way_;
  one.waiting = false;
  close(one.descriptor);
  one.descriptor = -1;
}

void crowd::print_counters() const {
  const counters& all = counted_;
  long long lost = 0;
  for (const auto& [why, number] : all.lost) lost += number;
  std::printf(
      "\"open\": %zu, \"answers\": %lld, \"after\": %lld, \"time_outs\": %lld, \"lost\": %lld",
      open_, all.answers, all.after, all.time_outs, lost);
}

void crowd::report_if_due(std::int64_t time) {
  if (time < next_report_) return;
  next_report_ = time + report_every;
  std::printf("{");
  print_counters();
  std::printf("}\n");
  std::fflush(stdout);
}

void crowd::report_done(std::int64_t took) {
  std::printf("{\"done\": true, \"ns\": %lld, ", static_cast<long long>(took));
  print_counters();
  std::printf(", \"reasons\": {");
  const char* separator = "";
  for (const auto& [why, number] : counted_.lost) {
    std::printf("%s\"%s\": %lld", separator, why.c_str(), number);
    separator = ", ";
  }
  std::printf("}, \"latencies\": ");
  counted_.latencies.print(stdout);
  std::printf("}\n");
  std::fflush(stdout);
}

void obey(crowd& all, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  std::string first;
  std::string second;
  words >> command >> first >> second;
  if (command == "open") {
    all.open();
  } else if (command == "talk") {
    all.talk(to_number(first) * millisecond, to_number(second) * 1000);
  } else if (command == "rush") {
    all.rush(to_number(first) * millisecond);
  } else if (command == "count" && to_number(first) > 0) {
    all.count(to_number(first));
  } else {
    refuse("no command is called \"" + line + '"');
  }
}

}  // namespace

int main(int argc, char** argv) {
  const settings given = parse(argc, argv);
  rlimit limit{};
  must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  // Otherwise a sleep may end 50 us late, which would look like latency.
  must(prctl(PR_SET_TIMERSLACK, 1), "prctl");
  crowd all(given);
  for (std::string line; std::getline(std::cin, line);) obey(all, line);
  return 0;
}
