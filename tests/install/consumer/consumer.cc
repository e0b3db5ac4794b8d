// consumer.cc: the program of somebody who has installed sluice. Every way of using the library
// builds and runs this one file, so it includes public headers only and says "consumer: ok". It
// takes a little of everything: whatever is missing from the installed files is missing here.
#include <signal.h>
#include <sluice/sluice.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

// Errors are made and printed: the library's own code is linked, not only its headers.
bool errors_have_sentences() {
  const sluice::error refused =
      sluice::error(std::errc::connection_refused).with_context("dial tcp", "127.0.0.1:1");
  return refused.message() == "dial tcp 127.0.0.1:1: connection refused";
}

// Fibers on several processors count under a mutex, and a wait group waits for them.
bool fibers_share_a_counter() {
  constexpr int fibers = 100;
  constexpr int rounds = 50;
  sluice::mutex guard;
  sluice::wait_group all;
  int counted = 0;
  for (int i = 0; i < fibers; ++i) {
    all.add();
    sluice::go([&] {
      for (int n = 0; n < rounds; ++n) {
        guard.lock();
        ++counted;
        guard.unlock();
        sluice::yield();
      }
      all.done();
    });
  }
  all.wait();
  return counted == fibers * rounds;
}

// Values of the program's own go through a library that no sanitizer has seen.
bool values_go_through_channels() {
  constexpr int values = 2000;
  sluice::channel<std::string> texts(3);
  sluice::channel<int> numbers;
  sluice::fiber sender([&] {
    for (int i = 0; i < values; ++i) {
      if (!texts.send(std::to_string(i)) || !numbers.send(i)) return;
    }
    texts.close();
  });
  long sum = 0;
  int rounds = 0;
  for (const std::string& text : texts) {
    const auto number = numbers.receive();
    sum += number.value_or(0) - std::stol(text);
    ++rounds;
  }
  return sum == 0 && rounds == values && sender.join().has_value();
}

bool exceptions_cross_a_join() {
  sluice::fiber broken([]() -> int { throw std::runtime_error("on purpose"); });
  try {
    (void)broken.join();
  } catch (const std::runtime_error& caught) {
    return std::string_view(caught.what()) == "on purpose";
  }
  return false;
}

// The initialiser of a function-local static parks; the others wait as fibers, and it runs once.
int slow_number() {
  static const int number = [] {
    sluice::yield();
    return 42;
  }();
  return number;
}

bool statics_park_fibers() {
  sluice::fiber first(slow_number);
  sluice::fiber second(slow_number);
  const auto one = first.join();
  const auto two = second.join();
  return one && two && *one == 42 && *two == 42;
}

// A stack that is recycled must hold nothing of the fiber before: sanitizers watch.
bool stacks_are_recycled() {
  for (int i = 0; i < 1000; ++i) {
    sluice::fiber user([i] {
      std::vector<std::unique_ptr<int>> many(10);
      for (auto& one : many) one = std::make_unique<int>(i);
      if (i % 2 == 0) sluice::yield();
      return *many.back();
    });
    const auto last = user.join();
    if (!last || *last != i) return false;
  }
  return true;
}

void echo(sluice::net::stream& stream) {
  while (const auto chunk = stream.receive()) {
    if (!stream.write(chunk->text())) return;
  }
}

bool talks_over(const sluice::net::network& kind, std::string_view where) {
  auto listener = sluice::net::listen(kind, where);
  if (!listener) return false;
  sluice::fiber server([&listener] {
    auto stream = listener->accept();
    if (stream) echo(*stream);
  });
  auto client = sluice::net::dial(kind, listener->local_address().to_string());
  if (!client || !client->set_deadline(sluice::deadline::in(60s))) return false;
  for (int i = 0; i < 100; ++i) {
    const std::string said = "message " + std::to_string(i);
    std::string heard(said.size(), '\0');
    if (!client->write(said)) return false;
    if (!client->read_full(std::as_writable_bytes(std::span(heard)))) return false;
    if (heard != said) return false;
  }
  return client->shutdown_write() && server.join();
}

// ThreadSanitizer keeps a signal with the fiber that ran when it came, which here ends at once.
bool signals_outlive_their_fiber() {
  if (!sluice::keep_signals({SIGUSR1})) return false;
  for (int i = 0; i < 100; ++i) {
    sluice::go([] { ::syscall(SYS_tgkill, ::getpid(), ::gettid(), SIGUSR1); });
    const auto caught = sluice::wait_signal({SIGUSR1});
    if (!caught || *caught != SIGUSR1) return false;
  }
  return true;
}

bool deadlines_pass() {
  auto [near, far] = sluice::net::pipe();
  std::byte one[1];
  if (!near.set_read_deadline(sluice::deadline::in(1ms))) return false;
  const auto got = near.read(one);
  return !got && got.error() == sluice::errc::deadline_exceeded && sluice::sleep_for(1ms);
}

struct check {
  const char* name;
  bool (*holds)();
};

constexpr check checks[] = {
    {"an error's sentence", errors_have_sentences},
    {"a counter under a mutex", fibers_share_a_counter},
    {"values through channels", values_go_through_channels},
    {"an exception through join", exceptions_cross_a_join},
    {"a static whose initialiser parks", statics_park_fibers},
    {"recycled stacks", stacks_are_recycled},
    {"an echo over TCP", [] { return talks_over(sluice::net::tcp, "127.0.0.1:0"); }},
    {"a deadline", deadlines_pass},
    {"a signal at a fiber's end", signals_outlive_their_fiber},
};

// The runtime can be started again, and is not the same one.
int check_everything() {
  sluice::run_options options;
  options.processors = 4;
  int wrong = 0;
  for (const check& one : checks) {
    const bool holds = sluice::run(one.holds, options);
    if (holds) continue;
    std::printf("consumer: %s is wrong\n", one.name);
    ++wrong;
  }
  return wrong;
}

}  // namespace

int main() {
  if (check_everything() != 0) return 1;
  std::puts("consumer: ok");
  return 0;
}
