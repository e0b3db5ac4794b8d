// settings.h: what the load is asked to do, and the little that all its modes share.
#pragma once

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "load: %s\n", what);
  std::exit(1);
}

[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

inline int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

inline std::int64_t read_clock(clockid_t clock) {
  timespec now{};
  must(clock_gettime(clock, &now), "clock_gettime");
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

struct settings {
  std::string mode = "kept";
  std::string host = "127.0.0.1";
  int port = 0;
  int server = 0;  // a process whose time and memory are looked at; 0: this one
  int connections = 64;
  int bytes = 64;
  int requests = 100'000;
  int timeout_ms = 0;  // 0: none, and whatever goes wrong ends the program
  int hold_ms = 1000;

  // Requests before the measurement: every connection has had one by then.
  [[nodiscard]] int warm_up() const { return std::max(requests / 10, connections); }
};

inline int to_number(std::string_view text) {
  int number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number < 0) {
    std::fprintf(stderr, "load: \"%.*s\" is no number\n", static_cast<int>(text.size()),
                 text.data());
    std::exit(2);
  }
  return number;
}

inline int* number_called(settings& given, std::string_view name) {
  if (name == "--server") return &given.server;
  if (name == "--connections") return &given.connections;
  if (name == "--bytes") return &given.bytes;
  if (name == "--requests") return &given.requests;
  if (name == "--timeout-ms") return &given.timeout_ms;
  if (name == "--hold-ms") return &given.hold_ms;
  return nullptr;
}

inline settings parse(int argc, char** argv) {
  settings given;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (int* const number = number_called(given, name)) {
      *number = to_number(value);
    } else if (name == "--mode") {
      given.mode = value;
    } else if (name == "--connect") {
      const auto colon = value.rfind(':');
      given.host = value.substr(0, colon);
      given.port = to_number(value.substr(colon + 1));
    } else {
      std::fprintf(stderr, "load: no flag is called %s\n", argv[i]);
      std::exit(2);
    }
  }
  if (given.port == 0 || given.bytes < 8 || given.connections < 1 || given.requests < 1) {
    std::fprintf(stderr, "load: --connect, at least 8 bytes, 1 connection and 1 request\n");
    std::exit(2);
  }
  return given;
}

// Message `number` of connection `index`: eight bytes of both, again and again.
inline void compose(std::uint32_t index, std::uint32_t number, std::vector<char>& into) {
  const std::uint32_t name[2] = {index, number};
  char pattern[sizeof name];
  std::memcpy(pattern, name, sizeof name);
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = pattern[i % sizeof pattern];
}

// The latency that `share` of the requests stayed below, in µs. 0 if there is none.
inline double percentile_us(std::vector<std::int64_t>& latencies, double share) {
  if (latencies.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
  const auto place = latencies.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(latencies.begin(), place, latencies.end());
  return static_cast<double>(*place) / 1e3;
}

}  // namespace bench
