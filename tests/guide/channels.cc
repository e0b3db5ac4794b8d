// channels.cc: the programs of docs/channels.md. Exits 0 if they do what the page says.
#include <sluice/sluice.h>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

int sum_of_squares(int below) {
  // [stages]
  sluice::channel<int> numbers;
  sluice::channel<int> squares(16);  // with room for sixteen that nobody waits for yet
  sluice::fiber counter([&] {
    for (int i = 0; i < below; ++i) {
      if (!numbers.send(i)) return;
    }
    numbers.close();
  });
  sluice::fiber multiplier([&] {
    for (const int number : numbers) (void)squares.send(number * number);
    squares.close();
  });
  int sum = 0;
  for (const int square : squares) sum += square;
  return sum;
  // [end]
}

// [worker]
// Works until there is nothing more to do, it is told to leave, or nothing has come for a while.
std::string work(sluice::channel<int>& jobs, sluice::channel<bool>& leave, int& done,
                 std::chrono::milliseconds patience) {
  for (;;) {
    sluice::result<int> job = 0;
    bool told = false;
    switch (sluice::select(jobs.receiving(job), leave.receiving(told), sluice::after(patience))
                .value()) {
      case 0:
        if (!job) return "no more jobs";
        done += *job;
        break;
      case 1:
        return "told to leave";
      case 2:
        return "idle";
    }
  }
}
// [end]

std::vector<std::string> three_workers(int& done) {
  std::vector<std::string> said;
  sluice::channel<int> jobs;
  sluice::channel<bool> leave;
  {
    sluice::fiber worker([&] { return work(jobs, leave, done, 1h); });
    (void)jobs.send(1);
    (void)leave.send(true);
    said.push_back(worker.join().value());
  }
  {
    sluice::fiber worker([&] { return work(jobs, leave, done, 1ms); });
    said.push_back(worker.join().value());
  }
  sluice::fiber worker([&] { return work(jobs, leave, done, 1h); });
  (void)jobs.send(10);
  jobs.close();
  said.push_back(worker.join().value());
  return said;
}

// [latest]
// Hands on the latest reading whenever somebody wants it, and waits for neither: the case that
// sends is switched off until there is something to send.
void keep_latest(sluice::channel<int>& readings, sluice::channel<int>& wanted) {
  int latest = 0;
  bool any = false;
  for (;;) {
    sluice::result<int> reading = 0;
    const auto which =
        sluice::select(readings.receiving(reading), wanted.sending(latest).when(any));
    if (!which) return;
    if (*which == 0) {
      if (!reading) return;
      latest = *reading;
      any = true;
    }
  }
}
// [end]

bool the_latest_is_handed_on() {
  sluice::channel<int> readings;
  sluice::channel<int> wanted;
  sluice::fiber<> keeper([&] { keep_latest(readings, wanted); });
  for (int i = 1; i <= 5; ++i) (void)readings.send(i);
  const bool good = wanted.receive() == 5 && wanted.receive() == 5;
  readings.close();
  return keeper.join().has_value() && good;
}

bool odd_things_have_answers() {
  // [closed]
  sluice::channel<int> numbers(2);
  bool good = numbers.send(1).has_value();
  numbers.close();
  good = good && numbers.send(2).error() == sluice::errc::closed;    // nothing was sent
  good = good && numbers.receive() == 1;                             // what is there still comes
  good = good && numbers.receive().error() == sluice::errc::closed;  // and then the end
  // [end]
  return good;
}

}  // namespace

int main() {
  return sluice::run([] {
    int done = 0;
    const bool summed = sum_of_squares(100) == 328350;
    const std::vector<std::string> said = three_workers(done);
    const bool worked = said == std::vector<std::string>{"told to leave", "idle", "no more jobs"};
    const bool kept = the_latest_is_handed_on();
    const bool answered = odd_things_have_answers();
    std::cout << summed << worked << done << kept << answered << '\n';
    return summed && worked && done == 11 && kept && answered ? 0 : 1;
  });
}
