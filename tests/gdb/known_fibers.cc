// known_fibers.cc: fibers that gdb is to find (tests/gdb/run.py): what each of them waits for, and
// under which functions, is known. Writes a line once all of them do, and ends when its input does.
//
//   known_fibers          two runtimes
//   known_fibers COUNT    one, with that many fibers more
//   known_fibers none     a runtime without fibers
//   known_fibers deep     a fiber that overflows its stack
#include <sluice/sluice.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Says what the compiler cannot see through, so that a call before it is no tail call.
void keep_frame() { asm volatile("" ::: "memory"); }

[[gnu::noinline]] int known_inner(sluice::channel<int>& from) {
  const auto got = from.receive();
  keep_frame();
  return got.value_or(0);
}

[[gnu::noinline]] int known_middle(sluice::channel<int>& from) {
  const int got = known_inner(from);
  keep_frame();
  return got + 1;
}

[[gnu::noinline]] int known_outer(sluice::channel<int>& from) {
  const int got = known_middle(from);
  keep_frame();
  return got + 1;
}

[[gnu::noinline]] void known_sleep() {
  (void)sluice::sleep_for(std::chrono::hours(10));
  keep_frame();
}

[[gnu::noinline]] void known_lock(sluice::mutex& lock) {
  lock.lock();
  keep_frame();
  lock.unlock();
}

[[gnu::noinline]] void known_byte() { keep_frame(); }

// Blocks the thread, not the fiber.
[[gnu::noinline]] void known_system_call() {
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) known_byte();
}

// The frame is so large that the stack pointer is in the guard at the end.
[[gnu::noinline]] int known_recursion(int depth) {
  volatile int kept[1000];
  kept[0] = depth;
  return depth < 0 ? 0 : known_recursion(depth + 1) + kept[0];
}

void await(const std::vector<std::string_view>& words) {
  for (bool all = false; !all;) {
    sluice::yield();
    const std::string text = sluice::debug::dump();
    all = true;
    for (const std::string_view word : words) all = all && text.find(word) != text.npos;
  }
}

void with_fibers(std::size_t more) {
  sluice::channel<int> numbers;
  sluice::mutex lock;
  lock.lock();
  sluice::fiber<> receiver({.name = "receiver"}, [&] { (void)known_outer(numbers); });
  sluice::fiber<> sleeper({.name = "sleeper"}, [] { known_sleep(); });
  sluice::fiber<> locker({.name = "locker"}, [&] { known_lock(lock); });
  std::vector<sluice::fiber<>> others;
  for (std::size_t i = 0; i < more; ++i) {
    others.push_back(sluice::fiber<>([&] { (void)known_outer(numbers); }));
  }
  await({"\"receiver\": receive", "\"sleeper\": sleep", "\"locker\": lock"});
  while (sluice::debug::metrics({.by_fiber = false}).parks < 3 + more) sluice::yield();
  sluice::go([] {});  // has not begun when the thread leaves for the system call
  known_system_call();
  numbers.close();
  lock.unlock();
  sleeper.request_stop();
}

}  // namespace

int main(int count, char** arguments) {
  // Where only a parent may look into a process: anybody may into this one.
  (void)::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  const std::string_view what = count > 1 ? arguments[1] : "";
  const sluice::run_options one{.processors = 1, .monitor = false};
  if (what == "none") {
    const sluice::runtime empty(one);
    known_system_call();
    return 0;
  }
  if (what == "deep") {
    sluice::run([] { std::printf("%d\n", known_recursion(1)); }, one);
    return 0;
  }
  // Its fiber has the number 1, as main's.
  sluice::channel<int> never;
  const std::unique_ptr<sluice::runtime> other =
      what.empty() ? std::make_unique<sluice::runtime>(one) : nullptr;
  if (other) sluice::go({.name = "other", .on = other.get()}, [&] { (void)known_inner(never); });
  const std::size_t more = count > 1 ? std::strtoul(arguments[1], nullptr, 10) : 0;
  sluice::run([&] { with_fibers(more); }, one);
  never.close();
}
