// poll_desc.h: per descriptor: who waits to read, who waits to write, both deadlines, closing.
//
// Lives in a poll_table: type-stable memory, named by a 32-bit index in every kernel report, so
// that a late report reads valid memory and is dropped by its generation.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/timer_heap.h"
#include "poller/poller.h"
#include "poller/wait_slot.h"

namespace sluice::rt {

enum class direction : std::uint8_t { read = 0, write = 1 };

// A direction's deadline is one word, so that expiry is a compare-and-swap on the time it saw:
// a new deadline that comes in between makes it fail.
inline constexpr std::int64_t deadline_none = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t deadline_expired = std::numeric_limits<std::int64_t>::min();
inline constexpr std::uint32_t no_shard = ~std::uint32_t{0};

class poll_desc {
 public:
  // The parks that one report, or one closing, has to compete for.
  struct woken {
    std::optional<park_ref> reader;
    std::optional<park_ref> writer;
  };

  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  // relaxed: constant while the descriptor is in use.
  [[nodiscard]] std::uint32_t generation() const noexcept {
    return generation_.load(std::memory_order_relaxed);
  }

  // Poller side: notes and hands on what a report says. Any thread; a stale one does nothing.
  [[nodiscard]] woken apply(const report& item) noexcept;

  // Sticky: a report carried priority, hang-up or error, and no read has shown the end of it yet.
  [[nodiscard]] bool exceptional() const noexcept {
    // relaxed: ordered by the token (wait_slot [B]); without a token there is nothing to order.
    return exceptional_.load(std::memory_order_relaxed);
  }
  // Reader, after a read has returned EAGAIN, the end or an error.
  void clear_exceptional() noexcept { exceptional_.store(false, std::memory_order_relaxed); }

  wait_slot& slot(direction side) noexcept { return slots_[static_cast<std::size_t>(side)]; }
  std::atomic<std::int64_t>& deadline(direction side) noexcept {
    return deadlines_[static_cast<std::size_t>(side)];
  }
  timer& deadline_timer(direction side) noexcept { return timers_[static_cast<std::size_t>(side)]; }

  // Closing: stored seq_cst before the slots are cancelled, loaded seq_cst after arming.
  std::atomic<bool> closing{false};
  // The shard it is registered with. Written by whoever waits first, under the io_handle's lock of
  // either direction: compare-and-swap from no_shard.
  std::atomic<std::uint32_t> shard{no_shard};

 private:
  friend class poll_table;

  std::array<wait_slot, 2> slots_;
  std::array<std::atomic<std::int64_t>, 2> deadlines_{deadline_none, deadline_none};
  std::atomic<std::uint32_t> generation_{0};
  std::uint32_t index_ = 0;  // immutable after construction
  std::atomic<bool> exceptional_{false};
  std::uint32_t next_free_ = 0;  // guarded by the table's lock
  std::array<timer, 2> timers_;
};

}  // namespace sluice::rt
