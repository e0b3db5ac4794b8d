// slab.h: one reservation of address space that is cut into stacks of one size.
//
//      slot 0                         slot 1                              side array
//   |guard|....stack....|control||guard|....stack....|control|| ... ||records, per slot|
//    low addresses                                                               high ones
//
// Reserved, not committed: a page gets memory when it is first written. The whole slab is one
// mapping, so a million stacks are a few dozen mappings where the kernel has lightweight guards.
// It is never unmapped while its pool lives; that is what makes a stale index harmless.
//
// Rejected: one mapping per stack (the kernel's limit is 65,530 mappings, and unmapping costs a
// hundred spawns), malloc'd stacks (no guard), and a table of stacks beside them (a parked fiber
// shall cost one page, and dumps walk the slabs instead).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sluice/error.h"

namespace sluice::rt {

// A stack's name: {slab:12, slot:20}. Slab 0 does not exist, so every index is above 2^20 and small
// values are free to mean something else in a word that may hold an index.
inline constexpr unsigned slot_bits = 20;
inline constexpr std::uint32_t slot_mask = (std::uint32_t{1} << slot_bits) - 1;
inline constexpr std::uint32_t max_slabs = std::uint32_t{1} << (32 - slot_bits);

constexpr std::uint32_t slab_of(std::uint32_t index) noexcept { return index >> slot_bits; }
constexpr std::uint32_t slot_of(std::uint32_t index) noexcept { return index & slot_mask; }
constexpr std::uint32_t make_index(std::uint32_t slab, std::uint32_t slot) noexcept {
  return (slab << slot_bits) | slot;
}

// Below every stack lie this many bytes that cannot be touched. Code built with stack-clash
// protection touches each page of a frame; other code's frames would have to be larger than this to
// jump over.
inline constexpr std::size_t guard_size = std::size_t{64} << 10;

// What is kept about a slot outside of its stack, since a trimmed stack reads as zeros. Committed
// lazily like the stacks.
struct slot_record {
  std::atomic<std::uint32_t> epoch;  // the pool's user's: see stack_pool::epoch_of
  std::uint32_t next;                // the pool's: the next free slot, or one of the marks below
  std::uint32_t previous;            // the pool's: towards the one given last, in the warm list
};

inline constexpr std::uint32_t end_of_list = 0;
inline constexpr std::uint32_t handed_out = 1;

// One entry of the pool's directory; all zero until the slab exists. But for `handed`, everything
// is immutable once `first_control` is published.
struct slab {
  // The control block of slot 0. The release store [A] of the pool publishes the slab; the acquire
  // loads [B] of those who look something up pair with it.
  std::atomic<std::byte*> first_control;
  std::byte* base;
  std::size_t mapped;
  slot_record* records;
  std::uint32_t slots;
  std::uint32_t shift;  // log2 of a slot's size
  // Slots that have been handed out at least once: those below are guarded, or wait in their
  // class's list for a guard. Written under the class's lock with release [C], read with acquire
  // [D].
  std::atomic<std::uint32_t> handed;

  [[nodiscard]] std::byte* slot_begin(std::uint32_t slot) const noexcept {
    return base + (std::size_t{slot} << shift);
  }
  [[nodiscard]] std::size_t slot_size() const noexcept { return std::size_t{1} << shift; }
};

// The parts of a new slab that do not depend on its number.
struct slab_mapping {
  std::byte* base;
  std::size_t mapped;
  std::uint32_t slots;
};

// Reserves room for `slots` slots of 2^shift bytes and their records; takes half as many, and half
// of that, when the system refuses. Errors: no_stack, when there is no room for even one.
[[nodiscard]] result<slab_mapping> map_slab(std::uint32_t slots, unsigned shift) noexcept;

// How the low end of a slot is made untouchable.
enum class guard_kind : std::uint8_t {
  lightweight,  // marks in the page table, no mapping of their own (Linux 6.13); or never opened
  protection,   // mprotect: two mappings for each stack, up to the kernel's limit of mappings
};

// Tries the lightweight kind on memory of its own and asks the kernel whether it holds: an older
// kernel refuses it, and an emulator may accept and ignore it.
[[nodiscard]] guard_kind probe_guards() noexcept;

// Errors: no_stack, with a sentence that names the limit that was reached.
[[nodiscard]] result<void> guard_slot(std::byte* begin, guard_kind kind) noexcept;

// Makes a slot's control block and stack usable. Once, before anybody may look at either.
// Errors: no_stack.
[[nodiscard]] result<void> open_slot(std::byte* begin, std::byte* end) noexcept;

// Gives back the memory of a stack below `end`, at a page's border: what was there is lost. Whole
// pages read as they were, or as zeros.
void discard_stack(void* bottom, void* end) noexcept;
// Before a slot is used again that was discarded: its control block changes no more by itself.
void reopen_slot(void* control) noexcept;

// Returns  no_stack with operation and object; without them when not even they can be allocated.
[[nodiscard]] error no_stack_error(const char* operation, const char* object) noexcept;

}  // namespace sluice::rt
