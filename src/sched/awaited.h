// awaited.h: whom a fiber waits for, where that is one: who holds the mutex, or is joined. For
// dumps and for the search for circles.
//
// A name and not an address: whoever is named may end, and its runtime with it, and the next fiber
// may have its control block.
#pragma once

#include <atomic>
#include <cstdint>

#include "sched/park.h"

namespace sluice::rt {

// {place of the runtime:16, number of the fiber:48}; of a plain thread its parker's address, in no
// runtime's place. 0: nobody, or nobody that is known.
class parker_name {
 public:
  constexpr parker_name() noexcept = default;
  explicit constexpr parker_name(std::uint64_t word) noexcept : word_(word) {}
  explicit parker_name(const control_block& fiber) noexcept
      : word_(std::uint64_t{fiber.home} << place_shift | fiber.number) {}
  explicit parker_name(const parker& who) noexcept
      : parker_name(who.is_fiber ? parker_name(static_cast<const control_block&>(who))
                                 : parker_name(of_threads << place_shift |
                                               reinterpret_cast<std::uintptr_t>(&who))) {}

  [[nodiscard]] bool is_known() const noexcept { return word_ != 0; }
  [[nodiscard]] bool is_fiber() const noexcept { return word_ >> place_shift != of_threads; }
  [[nodiscard]] std::uint16_t home() const noexcept {
    return static_cast<std::uint16_t>(word_ >> place_shift);
  }
  [[nodiscard]] std::uint64_t number() const noexcept {
    return word_ & ((std::uint64_t{1} << place_shift) - 1);
  }
  [[nodiscard]] std::uint64_t word() const noexcept { return word_; }
  friend bool operator==(const parker_name&, const parker_name&) = default;

 private:
  static constexpr int place_shift = 48;
  static constexpr std::uint64_t of_threads = 0xffff;

  std::uint64_t word_ = 0;
};

// What a park of one of the kinds below is `on` begins with this. It is there as long as somebody
// waits, so whoever keeps the waiter from going on may read it (while_it_waits).
class awaited {
 public:
  // relaxed, both: it is read while whom it names is parked, and has long since written it, or is a
  // hint.
  [[nodiscard]] parker_name who() const noexcept {
    return parker_name(word_.load(std::memory_order_relaxed));
  }
  void set(parker_name who) noexcept { word_.store(who.word(), std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> word_{0};
};

// Who holds a lock, written by its holder. Release builds do not know plain threads.
class lock_owner : public awaited {
 public:
  void note_taken() noexcept {
#ifdef NDEBUG
    const control_block* const fiber = this_fiber_or_null();
    set(fiber != nullptr ? parker_name(*fiber) : parker_name());
#else
    set(parker_name(this_parker()));
#endif
  }
  void note_left() noexcept { set(parker_name()); }
  // In debug builds.
  [[nodiscard]] bool is_caller() const noexcept { return who() == parker_name(this_parker()); }
};

[[nodiscard]] constexpr bool names_whom(wait_kind kind) noexcept {
  return kind == wait_kind::lock || kind == wait_kind::read_lock || kind == wait_kind::write_lock ||
         kind == wait_kind::join;
}

}  // namespace sluice::rt
