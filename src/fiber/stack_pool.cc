#include "fiber/stack_pool.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/bug.h"
#include "fiber/sanitizer.h"
#include "os/memory.h"

namespace sluice::rt {
namespace {

constexpr std::uint32_t max_slots_per_slab = 65536;
constexpr std::size_t max_slab_bytes = std::size_t{16} << 30;
constexpr std::size_t directory_bytes = max_slabs * sizeof(slab);

slab* map_directory() {
  const auto memory = os::map_memory(directory_bytes);
  if (!memory) throw std::bad_alloc();
  // Fresh pages are zero, which is the empty state of every entry; this only starts their lifetime.
  return reinterpret_cast<slab*>(*memory);
}

unsigned shift_for(std::size_t stack_size) noexcept {
  const std::size_t least = std::size_t{1} << min_stack_shift;
  return static_cast<unsigned>(std::bit_width(std::max(stack_size, least) - 1));
}

// The living pools, for the signal handler, which has nothing but an address. A pool that finds no
// room works, but an overflow of its stacks is reported without a name. Entries are stored with
// release once the pool is complete and read with acquire.
constexpr std::size_t max_listed_pools = 64;
constinit std::array<std::atomic<const stack_pool*>, max_listed_pools> pools{};

void list_pool(const stack_pool* pool) noexcept {
  for (auto& entry : pools) {
    const stack_pool* none = nullptr;
    if (entry.compare_exchange_strong(none, pool, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return;
    }
  }
}

void unlist_pool(const stack_pool* pool) noexcept {
  for (auto& entry : pools) {
    const stack_pool* self = pool;
    if (entry.compare_exchange_strong(self, nullptr, std::memory_order_relaxed)) return;
  }
}

// What the sanitizers are told when a stack changes hands. Only the part above the guard may be
// read by the search for leaks.
void announce_taken(const stack_slot& slot, std::size_t size) noexcept {
  stack_unpoison(slot.stack_bottom, size);
  stack_is_root(slot.stack_bottom, size);
}

}  // namespace

stack_pool::stack_pool(const stack_pool_options& options)
    : control_size_((options.control_size + 63) / 64 * 64),
      guards_(options.force_protection_guards ? guard_kind::protection : probe_guards()),
      slabs_(map_directory()) {
  check(control_size_ <= guard_size / 2, "a control block is larger than half of a small stack");
  list_pool(this);
}

stack_pool::~stack_pool() {
  unlist_pool(this);
  forget_roots();
  const std::uint32_t count = slab_count_.load(std::memory_order_relaxed);
  for (std::uint32_t number = 1; number <= count; ++number) {
    const slab& home = slabs_[number];
    check(os::unmap_memory(home.base, home.mapped).has_value(), "a slab cannot be unmapped");
  }
  check(os::unmap_memory(slabs_, directory_bytes).has_value(),
        "the slabs' list cannot be unmapped");
}

// Stacks that are still in somebody's cache count as taken.
void stack_pool::forget_roots() noexcept {
  if (hooks.unregister_root == nullptr) return;
  for_each([this](std::uint32_t index, void*) {
    if (record(index).next == handed_out) {
      stack_is_no_root(slot_at(index).stack_bottom, usable_size(index));
    }
  });
}

std::uint32_t stack_pool::pop(std::uint32_t& list) noexcept {
  const std::uint32_t index = list;
  if (index != end_of_list) list = record(index).next;
  return index;
}

void stack_pool::push(std::uint32_t& list, std::uint32_t index) noexcept {
  record(index).next = list;
  list = index;
}

std::uint32_t stack_pool::pop_warm(size_class& in) noexcept {
  const std::uint32_t index = pop(in.warm);
  if (index == end_of_list) return index;
  if (in.warm == end_of_list) in.warm_oldest = end_of_list;
  in.low_water = std::min(in.low_water, --in.warm_count);
  return index;
}

void stack_pool::push_warm(size_class& in, std::uint32_t index) noexcept {
  check(record(index).next == handed_out, "a fiber stack was given back twice");
  // Under the lock, so that it comes before the next taker says the opposite.
  stack_is_no_root(slot_at(index).stack_bottom, usable_size(index));
  if (in.warm == end_of_list) {
    in.warm_oldest = index;
  } else {
    record(in.warm).previous = index;
  }
  push(in.warm, index);
  ++in.warm_count;
}

std::uint32_t stack_pool::pop_oldest(size_class& in) noexcept {
  if (in.warm == in.warm_oldest) return pop_warm(in);
  const std::uint32_t index = in.warm_oldest;
  in.warm_oldest = record(index).previous;
  record(in.warm_oldest).next = end_of_list;
  in.low_water = std::min(in.low_water, --in.warm_count);
  return index;
}

std::uint32_t stack_pool::pop_guarded(size_class& in) noexcept {
  std::uint32_t index = pop_warm(in);
  if (index == end_of_list) {
    index = pop(in.cold);
    if (index != end_of_list) reopen_slot(block_at(index));
  }
  if (index != end_of_list) record(index).next = handed_out;
  return index;
}

// Under the class's lock: warm, then cold, then those that still want a guard, then a new one.
result<stack_pool::candidate> stack_pool::pick(size_class& in, unsigned shift) noexcept {
  if (const std::uint32_t index = pop_guarded(in); index != end_of_list) {
    return candidate{index, true};
  }
  std::uint32_t index = pop(in.unguarded);
  if (index == end_of_list) {
    const auto unused = pick_unused(in, shift);
    if (!unused) return std::unexpected(unused.error());
    index = *unused;
  }
  record(index).next = handed_out;
  return candidate{index, false};
}

result<std::uint32_t> stack_pool::pick_unused(size_class& in, unsigned shift) noexcept {
  const auto full = [&] {
    const slab& home = slabs_[in.newest_slab];
    return home.handed.load(std::memory_order_relaxed) == home.slots;  // written under this lock
  };
  if (in.newest_slab == 0 || full()) {
    if (const auto grown = grow(in, shift); !grown) return std::unexpected(grown.error());
  }
  slab& home = slabs_[in.newest_slab];
  const std::uint32_t slot = home.handed.load(std::memory_order_relaxed);
  std::byte* const begin = home.slot_begin(slot);
  if (auto opened = open_slot(begin, begin + home.slot_size()); !opened) {
    return std::unexpected(opened.error());
  }
  // release [C]: pairs with [D] in for_each and find_here.
  home.handed.store(slot + 1, std::memory_order_release);
  return make_index(in.newest_slab, slot);
}

// Slabs of a class double from 64 slots, so that a small program reserves little and a large one
// has few mappings.
result<void> stack_pool::grow(size_class& in, unsigned shift) noexcept {
  const auto cap = static_cast<std::uint32_t>(max_slab_bytes >> shift);
  const auto mapping = map_slab(std::min(in.next_slots, cap), shift);
  if (!mapping) return std::unexpected(mapping.error());
  const auto number = publish(*mapping, shift);
  if (!number) return std::unexpected(number.error());
  in.newest_slab = *number;
  in.next_slots = std::min(mapping->slots * 2, max_slots_per_slab);
  return {};
}

result<std::uint32_t> stack_pool::publish(const slab_mapping& mapping, unsigned shift) noexcept {
  const std::lock_guard hold(growth_lock_);
  const std::uint32_t number = slab_count_.load(std::memory_order_relaxed) + 1;
  if (number == max_slabs) {
    check(os::unmap_memory(mapping.base, mapping.mapped).has_value(), "a slab cannot be unmapped");
    return std::unexpected(no_stack_error("reserve address space for fiber stacks",
                                          "the pool's 4095 slabs are all in use"));
  }
  slab& home = slabs_[number];
  home.base = mapping.base;
  home.mapped = mapping.mapped;
  home.slots = mapping.slots;
  home.shift = shift;
  home.records =
      reinterpret_cast<slot_record*>(mapping.base + (std::size_t{mapping.slots} << shift));
  // release [A]: pairs with [B] in block_at, for_each and find_here.
  home.first_control.store(mapping.base + home.slot_size() - control_size_,
                           std::memory_order_release);
  // release [E]: pairs with [F] in for_each and find_here.
  slab_count_.store(number, std::memory_order_release);
  return number;
}

// Outside of the lock, since it is a system call. Nobody else knows the slot yet.
result<void> stack_pool::guard(const candidate& chosen) noexcept {
  if (chosen.guarded) return {};
  auto outcome =
      guard_slot(slabs_[slab_of(chosen.index)].slot_begin(slot_of(chosen.index)), guards_);
  if (!outcome) {
    size_class& home = class_of(chosen.index);
    const std::lock_guard hold(home.lock);
    push(home.unguarded, chosen.index);
  }
  return outcome;
}

result<stack_slot> stack_pool::take(std::size_t stack_size) noexcept {
  const unsigned shift = shift_for(stack_size);
  if (shift > max_stack_shift) {
    return std::unexpected(no_stack_error("take a fiber stack", "the largest stack is 1 GiB"));
  }
  size_class& from = classes_[shift - min_stack_shift];
  const auto chosen = [&] {
    const std::lock_guard hold(from.lock);
    return pick(from, shift);
  }();
  if (!chosen) return std::unexpected(chosen.error());
  if (const auto guarded = guard(*chosen); !guarded) return std::unexpected(guarded.error());
  const stack_slot slot = slot_at(chosen->index);
  announce_taken(slot, usable_size(slot.index));
  return slot;
}

void stack_pool::give(std::uint32_t index) noexcept { give_some({&index, 1}); }

std::size_t stack_pool::take_some(std::span<std::uint32_t> into) noexcept {
  size_class& from = classes_[shift_for(default_stack_size) - min_stack_shift];
  std::size_t count = 0;
  {
    const std::lock_guard hold(from.lock);
    while (count < into.size()) {
      const std::uint32_t index = pop_guarded(from);
      if (index == end_of_list) break;
      into[count++] = index;
    }
  }
  for (const std::uint32_t index : into.first(count))
    announce_taken(slot_at(index), usable_size(index));
  if (count != 0) return count;
  // Slots that were never used need a system call each for their guard, so nothing is gained by
  // choosing them together.
  while (count < into.size()) {
    const auto slot = take(default_stack_size);
    if (!slot) break;
    into[count++] = slot->index;
  }
  return count;
}

// One lock for each run of stacks of one size; a cache holds only such a run.
void stack_pool::give_some(std::span<const std::uint32_t> indexes) noexcept {
  while (!indexes.empty()) {
    size_class& home = class_of(indexes.front());
    const std::lock_guard hold(home.lock);
    do {
      push_warm(home, indexes.front());
      indexes = indexes.subspan(1);
    } while (!indexes.empty() && &class_of(indexes.front()) == &home);
  }
}

std::size_t stack_pool::warm_count() noexcept {
  std::size_t count = 0;
  for (size_class& each : classes_) {
    const std::lock_guard hold(each.lock);
    count += each.warm_count;
  }
  return count;
}

stack_pool::extent stack_pool::reserved() const noexcept {
  extent sum;
  const std::uint32_t count = slab_count_.load(std::memory_order_acquire);  // [F]
  for (std::uint32_t number = 1; number <= count; ++number) {
    const slab& home = slabs_[number];
    if (home.first_control.load(std::memory_order_acquire) == nullptr) continue;  // [B]
    sum.stacks += home.handed.load(std::memory_order_relaxed);
    sum.mapped += home.mapped;
  }
  return sum;
}

std::size_t stack_pool::trim(std::size_t keep_warm) noexcept {
  std::size_t count = 0;
  for (size_class& each : classes_) count += trim_class(each, keep_warm);
  return count;
}

std::size_t stack_pool::trim_unused() noexcept {
  std::size_t count = 0;
  for (size_class& each : classes_) {
    std::size_t keep_warm = 0;
    {
      const std::lock_guard hold(each.lock);
      keep_warm = each.warm_count - each.low_water;
      each.low_water = keep_warm;
    }
    count += trim_class(each, keep_warm);
  }
  return count;
}

std::size_t stack_pool::trim_class(size_class& which, std::size_t keep_warm) noexcept {
  std::size_t count = 0;
  while (const std::size_t trimmed = trim_batch(which, keep_warm)) count += trimmed;
  return count;
}

// The system calls happen outside of the lock, a few stacks at a time: those cannot be taken
// meanwhile, all others can.
std::size_t stack_pool::trim_batch(size_class& which, std::size_t keep_warm) noexcept {
  std::array<std::uint32_t, 64> batch{};
  std::size_t count = 0;
  {
    const std::lock_guard hold(which.lock);
    while (count < batch.size() && which.warm_count > keep_warm) batch[count++] = pop_oldest(which);
  }
  for (const std::uint32_t index : std::span(batch).first(count)) {
    const stack_slot slot = slot_at(index);
    discard_stack(slot.stack_bottom,
                  static_cast<std::byte*>(slot.stack_bottom) + usable_size(index));
  }
  const std::lock_guard hold(which.lock);
  for (const std::uint32_t index : std::span(batch).first(count)) push(which.cold, index);
  return count;
}

std::optional<stack_pool::place> stack_pool::find(const void* address) noexcept {
  for (const auto& entry : pools) {
    // acquire: pairs with the release in list_pool.
    const stack_pool* const pool = entry.load(std::memory_order_acquire);
    if (pool == nullptr) continue;
    if (auto found = pool->find_here(static_cast<const std::byte*>(address))) return found;
  }
  return std::nullopt;
}

std::optional<stack_pool::place> stack_pool::find_here(const std::byte* address) const noexcept {
  const std::uint32_t count = slab_count_.load(std::memory_order_acquire);  // [F]
  for (std::uint32_t number = 1; number <= count; ++number) {
    const slab& home = slabs_[number];
    if (home.first_control.load(std::memory_order_acquire) == nullptr) continue;  // [B]
    if (address < home.base) continue;
    const auto offset = static_cast<std::size_t>(address - home.base);
    const std::size_t slot = offset >> home.shift;
    if (slot >= home.handed.load(std::memory_order_acquire)) continue;  // [D]
    const bool in_guard = (offset & (home.slot_size() - 1)) < guard_size;
    return place{this, make_index(number, static_cast<std::uint32_t>(slot)), in_guard};
  }
  return std::nullopt;
}

stack_slot stack_pool::slot_at(std::uint32_t index) const noexcept {
  void* const control = block_at(index);
  std::byte* const begin = slabs_[slab_of(index)].slot_begin(slot_of(index));
  return {index, control, control, begin + guard_size};
}

}  // namespace sluice::rt
