// load.cc: the other side of the comparisons. One thread, one level-triggered epoll set; the caller
// pins it to a CPU of its own.
//
//   load --connect 127.0.0.1:PORT --server PID --connections 64 --bytes 64 --requests 100000
//
// --mode kept   connections that each send a message, wait for the same bytes to come back, check
//               them, and send the next
// --mode each   a connection for each message, --connections of them at a time: the client closes
//               it once it has the answer
// --mode idle   connections that say something once; the server's memory and its time, --hold-ms
// --timeout-ms  answers that are later are counted; without it anything wrong ends with status 1
//
// Prints one line of JSON: the messages, the processor time that the server's whole process took
// for each (user and system, in ns), and this program's own view of the latencies.
//
// The server's time is its process's CPU clock. It is what /proc/PID/stat says in ticks of 10 ms,
// in nanoseconds. Rejected: reading those ticks; a run of one second would be good to 1 % only.
#include "load/exchange.h"
#include "load/idle.h"

namespace {

clockid_t clock_of(int process) {
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  if (process == 0) return clock;
  errno = clock_getcpuclockid(process, &clock);
  if (errno != 0) bench::die("the server's clock");
  return clock;
}

int measure_exchange(const bench::settings& given, clockid_t server_clock, bool connection_each) {
  bench::exchange all(given, connection_each);
  const bench::outcome warm = all.send_all(given.warm_up());

  const std::int64_t cpu_before = bench::read_clock(server_clock);
  const std::int64_t before = bench::now_ns();
  bench::outcome found = all.send_all(given.requests);
  const auto took = static_cast<double>(bench::now_ns() - before);
  const auto cpu = static_cast<double>(bench::read_clock(server_clock) - cpu_before);

  const std::size_t answers = found.latencies.size();
  if (answers == 0) bench::fail("no answer has come");
  if (given.timeout_ms == 0 && answers != static_cast<std::size_t>(given.requests)) {
    bench::fail("there are not as many answers as requests");
  }
  const auto count = static_cast<double>(answers);
  std::printf(
      "{\"connections\": %d, \"messages\": %zu, \"requests\": %zu, \"server_ns\": %.1f, "
      "\"per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"timeouts\": %d, \"lost\": %d}\n",
      given.connections, answers + warm.latencies.size(), answers, cpu / count, count * 1e9 / took,
      bench::percentile_us(found.latencies, 0.5), bench::percentile_us(found.latencies, 0.99),
      found.timeouts + warm.timeouts, found.lost + warm.lost);
  return 0;
}

int measure_idle(const bench::settings& given, clockid_t server_clock) {
  const bench::idle_figures found = bench::hold_idle(given, server_clock);
  std::printf(
      "{\"connections\": %d, \"bytes_fresh\": %.0f, \"bytes_used\": %.0f, "
      "\"cpu_us_a_second\": %.1f}\n",
      found.connections, found.bytes_fresh, found.bytes_used, found.cpu_us_a_second);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::settings given = bench::parse(argc, argv);
  const clockid_t server_clock = clock_of(given.server);
  given.connections = bench::connections_allowed(given.connections);
  if (given.mode == "kept") return measure_exchange(given, server_clock, false);
  if (given.mode == "each") return measure_exchange(given, server_clock, true);
  if (given.mode == "idle") return measure_idle(given, server_clock);
  std::fprintf(stderr, "load: --mode is kept, each or idle\n");
  return 2;
}
