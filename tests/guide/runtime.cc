// runtime.cc: the programs of docs/runtime.md. Exits 0 if they do what the page says.
#include <sluice/sluice.h>

#include <iostream>
#include <string>
#include <thread>

namespace {

// Stands for whatever takes its time.
sluice::result<std::string> ask(const std::string& who) {
  if (auto slept = sluice::sleep_for(std::chrono::milliseconds(1)); !slept) {
    return std::unexpected(slept.error());
  }
  return "hello " + who;
}

std::string from_a_plain_thread() {
  // [embed]
  sluice::runtime background({.processors = 2});
  sluice::task<std::string> first = background.go([] { return ask("here"); });
  sluice::task<std::string> second = background.go([] { return ask("there"); });
  return first.get().value() + ", " + second.get().value();
  // [end]
}

int between_two() {
  // [two]
  sluice::channel<int> numbers;  // first, so that it outlives who uses it
  sluice::runtime left({.processors = 1});
  sluice::runtime right({.processors = 1});
  sluice::task<int> sum = right.go([&] {
    int all = 0;
    for (const int number : numbers) all += number;
    return all;
  });
  sluice::go({.on = &left}, [&] {
    for (int i = 1; i <= 4; ++i) (void)numbers.send(i);
    numbers.close();
  });
  return sum.get().value();
  // [end]
}

}  // namespace

int main() {
  const std::string said = from_a_plain_thread();
  const int sum = between_two();
  std::cout << said << ", " << sum << '\n';
  return said == "hello here, hello there" && sum == 10 ? 0 : 1;
}
