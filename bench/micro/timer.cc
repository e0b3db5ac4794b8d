// timer.cc: arming and moving a timer, and what a deadline adds to a read.
#include <chrono>

#include "micro/on_runtime.h"
#include "os/clock.h"
#include "sched/timers.h"
#include "sched/worker_tls.h"

namespace bench {
namespace {

constexpr std::int64_t hour = 3'600'000'000'000;

// Arms the fiber's own timer, moves it later and takes it out again.
void timer_arm_move(benchmark::State& state) {
  run_on(1, [&] {
    sluice::rt::runtime& owner = *sluice::rt::current_runtime();
    sluice::rt::timer& which = sluice::rt::this_fiber_or_null()->park_timer;
    const std::int64_t due = sluice::os::monotonic_now() + hour;
    for (auto _ : state) {
      sluice::rt::arm_timer(owner, which, due);
      sluice::rt::arm_timer(owner, which, due + 1);
      sluice::rt::unlink_timer(owner, which);
    }
  });
  count_items(state);
}
BENCHMARK(timer_arm_move);

// A TCP connection to a fiber of this program that sends everything back.
class echo_connection {
 public:
  echo_connection()
      : listener_(sluice::net::listen(sluice::net::tcp, "127.0.0.1:0").value()),
        stream_(sluice::net::dial(sluice::net::tcp, listener_.local_address().to_string()).value()),
        server_([this] {
          auto peer = listener_.accept().value();
          while (auto chunk = peer.receive()) {
            if (!peer.write(*chunk)) return;
          }
        }) {}

  [[nodiscard]] sluice::net::stream& stream() noexcept { return stream_; }

  // There and back, through the kernel: four system calls.
  void exchange() {
    static constexpr std::byte message[64]{};
    (void)stream_.write(message).value();
    (void)stream_.receive().value();
  }

 private:
  sluice::net::listener listener_;
  sluice::net::stream stream_;
  sluice::fiber<> server_;
};

// A deadline that is later each time, as a server's idle time is. Reading the clock is part of it.
void deadline_set(benchmark::State& state) {
  run_on(1, [&] {
    echo_connection connection;
    for (auto _ : state) {
      (void)connection.stream().set_read_deadline(sluice::deadline::in(std::chrono::minutes(1)));
    }
  });
  count_items(state);
}
BENCHMARK(deadline_set);

// Two ends of a connection in one program: what the one below is compared with.
void round_trip(benchmark::State& state) {
  run_on(1, [&] {
    echo_connection connection;
    for (auto _ : state) connection.exchange();
  });
  count_items(state);
}
BENCHMARK(round_trip);

void round_trip_with_deadline(benchmark::State& state) {
  run_on(1, [&] {
    echo_connection connection;
    for (auto _ : state) {
      (void)connection.stream().set_read_deadline(sluice::deadline::in(std::chrono::minutes(1)));
      connection.exchange();
    }
  });
  count_items(state);
}
BENCHMARK(round_trip_with_deadline);

}  // namespace
}  // namespace bench
