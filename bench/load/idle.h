// idle.h: connections that say something once and then nothing: what does the server hold for each,
// and what does it do meanwhile?
#pragma once

#include <sys/resource.h>

#include "load/client.h"

namespace bench {

// Raises the limit of open descriptors as far as it goes. Returns how many connections it leaves,
// at most `wanted`; fewer are said loudly.
inline int connections_allowed(int wanted) {
  rlimit limit{};
  must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  constexpr rlim_t others = 64;
  if (limit.rlim_cur >= static_cast<rlim_t>(wanted) + others) return wanted;
  const int allowed = static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur - 1, others));
  std::fprintf(stderr, "load: ONLY %d CONNECTIONS INSTEAD OF %d: the limit of descriptors is %ju\n",
               allowed, wanted, static_cast<std::uintmax_t>(limit.rlim_cur));
  return allowed;
}

// Resident memory of a process, bytes.
inline double resident(int process) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/%d/statm", process);
  std::FILE* const file = std::fopen(name, "r");
  if (file == nullptr) die(name);
  long long total = 0;
  long long pages = 0;
  const int fields = std::fscanf(file, "%lld %lld", &total, &pages);
  std::fclose(file);
  if (fields != 2) fail("statm has another form");
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

inline void pause_ms(int duration) {
  const timespec time{duration / 1000, duration % 1000 * 1'000'000L};
  nanosleep(&time, nullptr);
}

struct idle_figures {
  int connections = 0;
  double bytes_fresh = 0;      // for a connection that has said nothing yet
  double bytes_used = 0;       // for one that has been answered once
  double cpu_us_a_second = 0;  // of the server, while nobody says anything
};

inline idle_figures hold_idle(const settings& given, clockid_t server_clock) {
  // A server may give memory back only now and then.
  constexpr int settle_ms = 2500;
  mailbox mail(given);
  std::vector<client> clients(static_cast<std::size_t>(given.connections));
  const auto count = static_cast<double>(given.connections);
  const int process = given.server != 0 ? given.server : getpid();
  const double before = resident(process);
  std::uint32_t index = 0;
  for (client& one : clients) {
    one.index = index++;
    one.descriptor = connect_to(given);
    const timeval longest{.tv_sec = 10, .tv_usec = 0};
    must(setsockopt(one.descriptor, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest), "time-out");
  }
  pause_ms(500);
  idle_figures found{.connections = given.connections};
  found.bytes_fresh = (resident(process) - before) / count;
  for (client& one : clients) {
    if (!mail.send_next(one)) die("send");
    mailbox::progress progress = mailbox::progress::incomplete;
    while (progress == mailbox::progress::incomplete) progress = mail.receive(one, 0);
    if (progress == mailbox::progress::closed) fail("no answer has come in time");
  }
  pause_ms(settle_ms);
  found.bytes_used = (resident(process) - before) / count;
  const std::int64_t cpu_before = read_clock(server_clock);
  pause_ms(given.hold_ms);
  const auto cpu = static_cast<double>(read_clock(server_clock) - cpu_before);
  found.cpu_us_a_second = cpu / static_cast<double>(std::max(given.hold_ms, 1));
  for (const client& one : clients) close(one.descriptor);
  return found;
}

}  // namespace bench
