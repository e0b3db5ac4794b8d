// stack_pool.h: where fibers' stacks come from and go back to.
//
// Stacks are slots of slabs (slab.h), in classes by power-of-two size. A free slot is in one of
// three lists of its class:
//
//   list        means                                       left by (operation -> next)
//   warm        used before, its pages are still there      take -> handed out; trim -> cold
//   cold        used before, its pages were given back      take -> handed out
//   unguarded   its guard could not be installed            take -> handed out, if it can be now
//
// All three are last in, first out, linked through the slots' records and guarded by their class's
// lock. Beyond them are the slots that were never used, taken in order of address. A slot that is
// handed out belongs to the taker until it gives it back.
//
// The control block lies at the top of its own stack, so that a parked fiber costs one page. The
// memory is type-stable: an index that was ever handed out leads to readable memory for as long as
// the pool lives, whatever became of the fiber; after a trim it reads as zeros.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include "fiber/slab.h"
#include "sluice/error.h"

namespace sluice::rt {

// Units    bytes of address space, the guard of 64 KiB included; rounded up to a power of two.
inline constexpr std::size_t default_stack_size = std::size_t{256} << 10;
inline constexpr unsigned min_stack_shift = 17;  // 128 KiB
inline constexpr unsigned max_stack_shift = 30;  // 1 GiB

struct stack_pool_options {
  std::size_t control_size = 0;          // bytes kept at the top of each stack; rounded up to 64
  bool force_protection_guards = false;  // as if the kernel had no lightweight guards: for tests
};

struct stack_slot {
  std::uint32_t index = 0;
  void* control = nullptr;       // aligned to 64; whatever the last user left there, or zeros
  void* stack_top = nullptr;     // where the stack starts and grows down from: the control block
  void* stack_bottom = nullptr;  // the lowest byte that may be used; the guard lies below
};

class stack_pool {
 public:
  explicit stack_pool(const stack_pool_options& options);
  stack_pool(const stack_pool&) = delete;
  stack_pool& operator=(const stack_pool&) = delete;
  // Unmaps every stack; no fiber may be left on any.
  ~stack_pool();

  // Takes a stack of at least `stack_size` bytes of address space, the last one given first.
  //
  //   Returns  a guarded stack.
  //   Blocks   nothing but the other takers of this size, briefly.
  //   Errors   errc::no_stack with a sentence that names the limit.
  //   Threads  any.
  [[nodiscard]] result<stack_slot> take(std::size_t stack_size) noexcept;

  // Gives a stack back that nothing runs on any more. Threads: any.
  void give(std::uint32_t index) noexcept;

  // Fills `into` with stacks of the default size, for a cache.
  //
  //   Returns  how many, possibly fewer than asked for; 0 when take(default_stack_size) would fail.
  [[nodiscard]] std::size_t take_some(std::span<std::uint32_t> into) noexcept;
  void give_some(std::span<const std::uint32_t> indexes) noexcept;

  // Gives the memory of warm free stacks beyond `keep_warm` of each size back to the system, the
  // longest unused first.
  //
  //   Returns  how many stacks were trimmed.
  std::size_t trim(std::size_t keep_warm) noexcept;

  // Trims as many stacks as were free at every moment since the last call: a burst that is over
  // gives its memory back, a steady load keeps its stacks warm. To be called every few seconds.
  std::size_t trim_unused() noexcept;

  // Returns  how many free stacks of all sizes still have their memory.
  [[nodiscard]] std::size_t warm_count() noexcept;

  // Returns  how many stacks were ever handed out, taken or free, and the bytes of address space
  //          that the slabs take.
  struct extent {
    std::size_t stacks = 0;
    std::size_t mapped = 0;
  };
  [[nodiscard]] extent reserved() const noexcept;

  // Returns  the control block of an index that was ever handed out.
  [[nodiscard]] void* block_at(std::uint32_t index) const noexcept {
    const slab& home = slabs_[slab_of(index)];
    // acquire [B]: pairs with the release store [A] in publish().
    return home.first_control.load(std::memory_order_acquire) +
           (std::size_t{slot_of(index)} << home.shift);
  }

  // Returns  the whole description of an index that was ever handed out.
  [[nodiscard]] stack_slot slot_at(std::uint32_t index) const noexcept;

  // Returns  the bytes of address space of that stack, the guard included.
  [[nodiscard]] std::size_t stack_size_of(std::uint32_t index) const noexcept {
    return slabs_[slab_of(index)].slot_size();
  }

  // Returns  the bytes above the guard, the control block included.
  [[nodiscard]] std::size_t usable_size(std::uint32_t index) const noexcept {
    return stack_size_of(index) - guard_size;
  }

  // Returns  a word that the pool keeps for its user and that survives trimming; 0 at first. The
  //          scheduler saves its park epoch there before it gives a stack, and goes on from it, so
  //          that an epoch never comes back.
  [[nodiscard]] std::atomic<std::uint32_t>& epoch_of(std::uint32_t index) const noexcept {
    return slabs_[slab_of(index)].records[slot_of(index)].epoch;
  }

  // Calls visit(index, control) for every slot that was ever handed out, taken or free, while
  // others take and give. Reading the control block of a trimmed one costs no memory.
  template <class Visit>
  void for_each(Visit&& visit) const {
    // acquire [F]: pairs with the release [E] in publish().
    const std::uint32_t count = slab_count_.load(std::memory_order_acquire);
    for (std::uint32_t number = 1; number <= count; ++number) {
      const slab& home = slabs_[number];
      // [B]; a slab that is just being published may still be missing.
      if (home.first_control.load(std::memory_order_acquire) == nullptr) continue;
      // acquire [D]: pairs with [C] where a slot is handed out for the first time.
      const std::uint32_t handed = home.handed.load(std::memory_order_acquire);
      for (std::uint32_t slot = 0; slot < handed; ++slot) {
        const std::uint32_t index = make_index(number, slot);
        visit(index, block_at(index));
      }
    }
  }

  struct place {
    const stack_pool* pool;
    std::uint32_t index;
    bool in_guard;  // below the stack: where an overflow ends
  };

  // Returns  which stack of which living pool `address` is in. Async-signal-safe.
  [[nodiscard]] static std::optional<place> find(const void* address) noexcept;

 private:
  // Free slots of one size. Everything is guarded by `lock`.
  struct size_class {
    std::mutex lock;
    std::uint32_t warm = end_of_list;         // the one given last
    std::uint32_t warm_oldest = end_of_list;  // the other end of that list
    std::uint32_t cold = end_of_list;
    std::uint32_t unguarded = end_of_list;
    std::size_t warm_count = 0;
    std::size_t low_water = 0;      // the smallest warm_count since the last look
    std::uint32_t newest_slab = 0;  // where the slots that were never used are; 0: none yet
    std::uint32_t next_slots = 64;  // what the next slab shall have
  };
  // A slot on its way out, and whether it has its guard already.
  struct candidate {
    std::uint32_t index;
    bool guarded;
  };

  [[nodiscard]] slot_record& record(std::uint32_t index) const noexcept {
    return slabs_[slab_of(index)].records[slot_of(index)];
  }
  [[nodiscard]] size_class& class_of(std::uint32_t index) noexcept {
    return classes_[slabs_[slab_of(index)].shift - min_stack_shift];
  }
  void forget_roots() noexcept;
  [[nodiscard]] std::uint32_t pop(std::uint32_t& list) noexcept;
  void push(std::uint32_t& list, std::uint32_t index) noexcept;
  [[nodiscard]] std::uint32_t pop_warm(size_class& in) noexcept;
  void push_warm(size_class& in, std::uint32_t index) noexcept;
  [[nodiscard]] std::uint32_t pop_oldest(size_class& in) noexcept;
  [[nodiscard]] std::uint32_t pop_guarded(size_class& in) noexcept;
  [[nodiscard]] result<candidate> pick(size_class& in, unsigned shift) noexcept;
  [[nodiscard]] result<std::uint32_t> pick_unused(size_class& in, unsigned shift) noexcept;
  [[nodiscard]] result<void> guard(const candidate& chosen) noexcept;
  [[nodiscard]] result<void> grow(size_class& in, unsigned shift) noexcept;
  [[nodiscard]] result<std::uint32_t> publish(const slab_mapping& mapping, unsigned shift) noexcept;
  std::size_t trim_class(size_class& which, std::size_t keep_warm) noexcept;
  std::size_t trim_batch(size_class& which, std::size_t keep_warm) noexcept;
  [[nodiscard]] std::optional<place> find_here(const std::byte* address) const noexcept;

  const std::size_t control_size_;
  const guard_kind guards_;
  slab* const slabs_;  // the directory: max_slabs entries, lazily committed
  std::atomic<std::uint32_t> slab_count_{0};
  std::mutex growth_lock_;  // guards the choice of a slab's number; taken inside a class's lock
  std::array<size_class, max_stack_shift - min_stack_shift + 1> classes_;
};

}  // namespace sluice::rt
