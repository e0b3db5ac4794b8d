// channel.cc: channel_core by the rules of channel_rules.h.
#include "sluice/channel.h"

#include <limits>
#include <mutex>

#include "base/bug.h"
#include "sluice/fiber.h"
#include "sync/channel_state.h"

namespace sluice::detail {
namespace {

constexpr std::ptrdiff_t most = std::numeric_limits<std::int32_t>::max();

std::size_t checked(std::ptrdiff_t capacity) {
  if (capacity < 0 || capacity > most) {
    throw_logic_error("sluice: a channel has room for between 0 and 2^31 - 1 values");
  }
  return static_cast<std::size_t>(capacity);
}

}  // namespace

channel_core::channel_core(const element_type& type, std::ptrdiff_t capacity)
    : state_(std::make_unique<state>(type, checked(capacity))) {}

channel_core::~channel_core() {
  state& here = *state_;
  {
    // Passes through the guard behind whoever used it last.
    const std::lock_guard held(here.guard);
#ifndef NDEBUG
    if (!here.senders.empty() || !here.receivers.empty()) {
      misuse("a channel was destroyed while somebody waits on it");
    }
#endif
  }
  while (here.full_count > 0) here.type.destroy(here.at(here.take_full()));
}

result<void> channel_core::send(void* value, const patience& how) noexcept {
  return state_->send(value, how, this);
}

result<void> channel_core::receive(void* into, const patience& how) noexcept {
  return state_->receive(into, how, this);
}

void channel_core::close() {
  if (!state_->close()) throw_logic_error("sluice: a channel was closed twice");
}

bool channel_core::is_closed() const noexcept {
  const std::lock_guard held(state_->guard);
  return state_->closed;
}

std::size_t channel_core::size() const noexcept {
  const std::lock_guard held(state_->guard);
  return state_->full_count;
}

std::size_t channel_core::capacity() const noexcept { return state_->full.size(); }

}  // namespace sluice::detail
