// deliver.h: from a poller's report to the fibers that it makes runnable.
#pragma once

#include "sched/runtime.h"

namespace sluice::rt {

struct delivered {
  control_block* reader = nullptr;  // the caller must make it runnable
  control_block* writer = nullptr;
};

// Applies a report and competes for the parks that it names. Any thread.
[[nodiscard]] inline delivered deliver(runtime& owner, const report& item) noexcept {
  const poll_desc::woken woken = owner.descriptors().at(item.desc).apply(item);
  const auto compete = [&](const std::optional<park_ref>& who) -> control_block* {
    if (!who) return nullptr;
    control_block& fiber = owner.block(who->fiber);
    const claim_result result = fiber.word.claim_and_release(who->epoch, wake_reason::ready);
    return result == claim_result::runnable ? &fiber : nullptr;
  };
  return {compete(woken.reader), compete(woken.writer)};
}

}  // namespace sluice::rt
