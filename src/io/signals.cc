#include "sluice/signal.h"

#include <cstdint>

#include "os/handle.h"
#include "os/signals.h"
#include "sched/descriptor.h"
#include "sched/runtime.h"

namespace sluice {
namespace {

result<int> wait_with(rt::poll_desc& desc, os::native_handle event, std::uint64_t mask) {
  for (;;) {
    if (const int number = os::take_signal(mask); number != 0) return number;
    const auto failed =
        rt::descriptor_wait(desc, rt::direction::read, event, rt::wait_kind::signal);
    if (failed) return std::unexpected(*failed);
    // The event stays readable; a report that is still pending was for what is looked at next.
    (void)desc.slot(rt::direction::read).take_token(desc.generation());
  }
}

}  // namespace

result<void> keep_signals(std::initializer_list<int> numbers) {
  if (rt::this_fiber_or_null() == nullptr) return std::unexpected(error(errc::not_a_fiber));
  rt::current_runtime()->at_end(&os::restore_signals);
  for (const int number : numbers) {
    if (auto caught = os::catch_signal(number); !caught) return caught;
  }
  return {};
}

result<int> wait_signal(std::initializer_list<int> numbers) {
  if (numbers.size() == 0) return std::unexpected(error(std::errc::invalid_argument));
  if (auto kept = keep_signals(numbers); !kept) return std::unexpected(kept.error());
  if (rt::stop_requested()) return std::unexpected(error(errc::operation_canceled));
  std::uint64_t mask = 0;
  for (const int number : numbers) mask |= std::uint64_t{1} << (number - 1);
  auto event = os::open_signal_event();
  if (!event) return std::unexpected(event.error());
  auto desc = rt::descriptor_open();
  if (!desc) {
    os::close_handle(*event);
    return std::unexpected(desc.error());
  }
  auto outcome = wait_with(**desc, *event, mask);
  rt::descriptor_close(**desc, *event);
  os::close_handle(*event);
  return outcome;
}

}  // namespace sluice
