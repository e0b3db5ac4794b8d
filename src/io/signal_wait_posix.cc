#include "io/signal_wait.h"
#include "os/handle.h"
#include "os/signals.h"
#include "sched/descriptor.h"

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

result<int> await_signal(std::uint64_t mask) {
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
