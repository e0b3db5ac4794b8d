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
#include "os/handle.h"
#include "poller/poller.h"
#include "poller/wait_slot.h"

namespace sluice::rt {

enum class direction : std::uint8_t { read = 0, write = 1 };

// A direction's deadline is one word, so that expiry is a compare-and-swap on the time it saw:
// a new deadline that comes in between makes it fail.
inline constexpr std::int64_t deadline_none = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t deadline_expired = std::numeric_limits<std::int64_t>::min();
inline constexpr std::uint32_t no_shard = ~std::uint32_t{0};
// Somebody is at it, and the others wait: only with a poller that ties.
inline constexpr std::uint32_t tying_shard = no_shard - 1;

// Aligned, so that two descriptors of two processors share no cache line; it fills three.
class alignas(64) poll_desc {
 public:
  // The parks that one report, or one closing, has to compete for.
  struct woken {
    std::optional<park_ref> reader;
    std::optional<park_ref> writer;
  };

  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  // The place of the runtime whose it is.
  [[nodiscard]] std::uint16_t home() const noexcept { return home_; }
  // relaxed: constant while the descriptor is in use.
  [[nodiscard]] std::uint32_t generation() const noexcept {
    return generation_.load(std::memory_order_relaxed);
  }

  // Poller side: notes and hands on what a report says. Any thread; a stale one does nothing.
  [[nodiscard]] woken apply(const report& item) noexcept;

  // Sticky: a report carried priority, hang-up or error, and no read has shown the end of it yet. A
  // short read then does not mean that the socket is drained.
  //
  // Reader's recipe:  1 take_token   2 exceptional_mark   3 the system call
  //                   4 it returned EAGAIN, the end or an error: clear_exceptional(mark)
  //
  // Counted, not a flag: a flag that is cleared in step 4 would also clear what a report set after
  // step 3, and the data behind the urgent byte it told of would wait for ever.
  // Only the direction's one reader calls these three.
  [[nodiscard]] std::uint32_t exceptional_mark() const noexcept {
    // relaxed: ordered by the token (wait_slot [B]); without a token there is nothing to order.
    return exceptional_reports_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool exceptional() const noexcept {
    return exceptional_mark() != exceptional_cleared_;
  }
  void clear_exceptional(std::uint32_t mark) noexcept { exceptional_cleared_ = mark; }

  wait_slot& slot(direction side) noexcept { return slots_[static_cast<std::size_t>(side)]; }
  std::atomic<std::int64_t>& deadline(direction side) noexcept {
    return deadlines_[static_cast<std::size_t>(side)];
  }
  timer& deadline_timer(direction side) noexcept { return timers_[static_cast<std::size_t>(side)]; }

  // Closing: stored seq_cst before the slots are cancelled, loaded seq_cst after arming.
  std::atomic<bool> closing{false};
  // The reading half was shut down here: whoever waits to read looks again. As `closing`.
  std::atomic<bool> reading_shut{false};
  // The shard it is registered with. Written by whoever waits first, under the io_handle's lock of
  // either direction: compare-and-swap from no_shard.
  std::atomic<std::uint32_t> shard{no_shard};
  // Whose it is, for dumps: relaxed, a hint.
  std::atomic<os::native_handle> watched{os::no_handle};

 private:
  friend class poll_table;

  // The table's: starts a use in the present generation, ends it with the next one, and gives a new
  // poll_desc its place.
  void open() noexcept;
  void close() noexcept;
  void settle(std::uint32_t index, std::uint16_t home) noexcept;

  std::array<wait_slot, 2> slots_;
  std::array<std::atomic<std::int64_t>, 2> deadlines_{deadline_none, deadline_none};
  std::atomic<std::uint32_t> generation_{0};
  std::uint32_t index_ = 0;  // immutable after settle, as home_
  std::uint16_t home_ = 0;
  std::atomic<std::uint32_t> exceptional_reports_{0};
  std::uint32_t exceptional_cleared_ = 0;  // only the reader, that is, under the read lock
  std::uint32_t next_free_ = 0;            // guarded by the table's lock
  std::array<timer, 2> timers_;
};

}  // namespace sluice::rt
