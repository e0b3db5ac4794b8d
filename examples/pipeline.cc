// pipeline.cc: counts primes: stages that hand values on, in a group that one failure ends.
//
//   pipeline --below 1000000 --workers 4
#include <sluice/sluice.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "flags.h"

namespace {

struct range {
  std::uint32_t begin, end;
};

bool is_prime(std::uint32_t number) {
  if (number < 2) return false;
  for (std::uint32_t divisor = 2; divisor <= number / divisor; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

sluice::result<void> divide(std::uint32_t below, sluice::channel<range>& into) {
  for (std::uint32_t begin = 0; begin < below; begin += 1000) {
    if (auto sent = into.send({begin, std::min(below, begin + 1000)}); !sent) return sent;
  }
  into.close();
  return {};
}

sluice::result<void> count(sluice::channel<range>& ranges, sluice::channel<std::uint32_t>& into) {
  for (const auto [begin, end] : ranges) {
    std::uint32_t primes = 0;
    for (std::uint32_t number = begin; number < end; ++number) primes += is_prime(number) ? 1 : 0;
    if (auto sent = into.send(primes); !sent) return sent;
  }
  return {};
}

sluice::result<std::uint32_t> primes_below(std::uint32_t below, int workers) {
  sluice::channel<range> ranges;
  sluice::channel<std::uint32_t> counts(16);
  sluice::task_group group({.cancel_on_failure = true});
  group.go([&] { return divide(below, ranges); });
  group.go([&]() -> sluice::result<void> {
    sluice::task_group counting({.cancel_on_failure = true});
    for (int i = 0; i < workers; ++i) counting.go([&] { return count(ranges, counts); });
    auto all = counting.wait();
    counts.close();
    return all;
  });
  std::uint32_t sum = 0;
  for (const std::uint32_t primes : counts) sum += primes;
  if (auto all = group.wait(); !all) return std::unexpected(all.error());
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const examples::flags flags(argc, argv,
                              {{"below", "1000000", "the limit"},
                               {"workers", "4", "how many count"},
                               {"seconds", "60", "after which it gives up"}});
  const auto number = [&](const char* flag) { return std::stoi(flags[flag]); };
  return sluice::run(
      [&] {
        const auto sum = sluice::with_timeout(std::chrono::seconds(number("seconds")), [&] {
          return primes_below(static_cast<std::uint32_t>(number("below")), number("workers"));
        });
        if (!sum) return sluice::fail(sum.error());
        std::printf("%u primes\n", *sum);
        return 0;
      },
      flags.run_options());
}
