// sync.cc: the programs of docs/sync.md. Exits 0 if they do what the page says.
#include <sluice/sluice.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;

// [inbox]
class inbox {
 public:
  void put(std::string letter) {
    const std::lock_guard held(guard_);
    letters_.push_back(std::move(letter));
    not_empty_.notify_one();
  }

  // Nothing: none came in time.
  std::optional<std::string> take_within(std::chrono::milliseconds time) {
    std::unique_lock held(guard_);
    const auto is_there = [&] { return !letters_.empty(); };
    if (!not_empty_.wait_for(held, time, is_there)) return std::nullopt;
    std::string first = std::move(letters_.front());
    letters_.pop_front();
    return first;
  }

 private:
  sluice::mutex guard_;
  sluice::condition_variable not_empty_;
  std::deque<std::string> letters_;
};
// [end]

bool a_thread_writes_to_a_fiber() {
  // [mixed]
  inbox letters;
  std::jthread writer([&] { letters.put("from a plain thread"); });
  return sluice::run([&] { return letters.take_within(10s) == "from a plain thread"; });
  // [end]
}

int most_at_a_time() {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  const auto note_entry = [&] {
    const int now = inside.fetch_add(1) + 1;
    for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
    }
  };
  sluice::run([&] {
    // [places]
    sluice::counting_semaphore<3> places(3);
    sluice::wait_group all;
    for (int i = 0; i < 20; ++i) {
      all.add(1);
      sluice::go([&] {
        places.acquire();
        note_entry();
        sluice::yield();
        inside.fetch_sub(1);
        places.release();
        all.done();
      });
    }
    all.wait();
    // [end]
  });
  return most.load();
}

// [stop]
// One that gives way when it is asked to: the twin of lock() returns a result.
sluice::result<int> read_out(sluice::mutex& guard, const int& value) {
  if (auto locked = guard.lock_or_stop(); !locked) return std::unexpected(locked.error());
  const std::lock_guard held(guard, std::adopt_lock);
  return value;
}
// [end]

bool a_stop_ends_the_wait() {
  return sluice::run([] {
    sluice::mutex guard;
    int value = 7;
    bool good = read_out(guard, value) == 7;
    const std::lock_guard held(guard);
    const auto cut = sluice::with_timeout(1ms, [&] { return read_out(guard, value); });
    return good && cut.error() == sluice::errc::deadline_exceeded;
  });
}

}  // namespace

int main() {
  const bool written = a_thread_writes_to_a_fiber();
  const int most = most_at_a_time();
  const bool stopped = a_stop_ends_the_wait();
  std::cout << written << ' ' << most << ' ' << stopped << '\n';
  return written && most >= 1 && most <= 3 && stopped ? 0 : 1;
}
