#include "sluice/signal.h"

#include <cstdint>

#include "io/signal_wait.h"
#include "os/signals.h"
#include "sched/park.h"
#include "sched/runtime.h"

namespace sluice {

result<void> keep_signals(std::initializer_list<int> numbers) {
  if (rt::this_fiber_or_null() == nullptr) return std::unexpected(error(errc::not_a_fiber));
  rt::current_runtime()->keep_signals();
  for (const int number : numbers) {
    if (auto caught = os::catch_signal(number); !caught) return caught;
  }
  return {};
}

result<int> wait_signal(std::initializer_list<int> numbers) {
  if (numbers.size() == 0) return std::unexpected(error(std::errc::invalid_argument));
  if (auto kept = keep_signals(numbers); !kept) return std::unexpected(kept.error());
  if (const auto why = rt::stop_reason()) return std::unexpected(error(*why));
  std::uint64_t mask = 0;
  for (const int number : numbers) mask |= std::uint64_t{1} << (number - 1);
  return await_signal(mask);
}

}  // namespace sluice
