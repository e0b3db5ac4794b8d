#include "poller/poll_desc.h"

namespace sluice::rt {

poll_desc::woken poll_desc::apply(const report& item) noexcept {
  woken parks;
  // A filter only: the slots decide in the same step as they change. It keeps a late report from
  // making the next use's reader careful for nothing.
  if (item.generation != generation()) return parks;
  if ((item.what & ready_exceptional) != 0) {
    // Before notify, whose [B] releases it to the reader's take_token. relaxed: see there.
    exceptional_reports_.fetch_add(1, std::memory_order_relaxed);
  }
  if ((item.what & ready_to_read) != 0) {
    parks.reader = slot(direction::read).notify(item.generation);
  }
  if ((item.what & ready_to_write) != 0) {
    parks.writer = slot(direction::write).notify(item.generation);
  }
  return parks;
}

void poll_desc::open() noexcept {
  for (wait_slot& side : slots_) side.open(generation());
  for (auto& deadline : deadlines_) {
    // relaxed: nobody else knows this use yet; whoever is told of it is told through something that
    // orders it.
    deadline.store(deadline_none, std::memory_order_relaxed);
  }
  closing.store(false, std::memory_order_relaxed);           // relaxed: as above
  reading_shut.store(false, std::memory_order_relaxed);      // relaxed: as above
  shard.store(no_shard, std::memory_order_relaxed);          // relaxed: as above
  exceptional_reports_.store(0, std::memory_order_relaxed);  // relaxed: as above
  exceptional_cleared_ = 0;
}

void poll_desc::close() noexcept {
  const std::uint32_t next = generation() + 1;
  // relaxed: the table's lock hands it to the next user.
  generation_.store(next, std::memory_order_relaxed);
  for (wait_slot& side : slots_) side.close(next);
}

void poll_desc::settle(std::uint32_t index, std::uint16_t home) noexcept {
  index_ = index;
  home_ = home;
  // Not the 0 of slots that nobody has opened yet. relaxed: the chunk is published afterwards.
  generation_.store(1, std::memory_order_relaxed);
  timers_[0].owner = timers_[1].owner = index;
  deadline_timer(direction::read).kind = timer_kind::descriptor_read;
  deadline_timer(direction::write).kind = timer_kind::descriptor_write;
}

}  // namespace sluice::rt
