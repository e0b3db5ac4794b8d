// spawn.cc: a fiber's beginning and end: go(), try_go() and what fiber<T> needs to start.
#include "sched/spawn.h"

#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <system_error>

#include "base/bug.h"
#include "sched/fiber_locals.h"
#include "sched/tracing.h"
#include "sched/worker_switch.h"
#include "sched/worker_tls.h"
#include "sluice/fiber.h"
#include "sluice/runtime.h"

namespace sluice::rt {
namespace {

constexpr std::size_t guard_bytes = std::size_t{64} << 10;

std::uintptr_t align_down(std::uintptr_t value, std::size_t alignment) noexcept {
  return value & ~(std::uintptr_t{alignment} - 1);
}

// An exception has left a fiber that nobody can join: the program ends, as with std::thread.
[[noreturn]] void die_of_exception(const control_block& self) noexcept {
  std::fprintf(stderr, "sluice: an exception left the fiber spawned at %s:%u", self.spawn_file,
               self.spawn_line);
  try {
    throw;
  } catch (const std::exception& what) {
    std::fprintf(stderr, ": %s\n", what.what());
  } catch (...) {
    std::fprintf(stderr, ": not a std::exception\n");
  }
  std::terminate();
}

// The outermost function of every fiber.
void fiber_main(void* argument, void* message) {
  auto* const self = static_cast<control_block*>(argument);
  worker::arrive(self, *static_cast<worker*>(message));
  race_acquire(self);
  try {
    self->run(self->closure);
  } catch (...) {
    die_of_exception(*self);
  }
  destroy_locals(self->locals);
  check_system_locks(*self);
  race_release(current_runtime());  // pairs with runtime::run, which hands everything back
  worker::leave(self, departure::finished);
  bug("a fiber ran on after its end");
}

// Inside the gate of the caller's worker, if it is one of the owner's.
class gate_visit {
 public:
  explicit gate_visit(runtime& owner) noexcept : here_(current_worker()) {
    if (here_ != nullptr && (&here_->owner() != &owner || !here_->enter())) here_ = nullptr;
  }
  ~gate_visit() {
    if (here_ != nullptr) here_->leave_gate();
  }
  gate_visit(const gate_visit&) = delete;
  gate_visit& operator=(const gate_visit&) = delete;
  // The worker, or nullptr: outside.
  [[nodiscard]] worker* inside() const noexcept { return here_; }

 private:
  worker* here_;
};

bool is_unused(const control_block& block) noexcept {
  // acquire: pairs with recycle().
  return block.state.load(std::memory_order_acquire) == slot_state::unused;
}

// The control block of a slot that was never used, or whose memory was given back: it starts from
// the epoch that its last fiber left in the pool. One that served before keeps its park word, whose
// epoch never goes back, and what describes its slot.
control_block* construct(runtime& owner, const stack_slot& slot) noexcept {
  auto* const block = ::new (slot.control) control_block;
  block->word.restart(owner.stacks().epoch_of(slot.index).load(std::memory_order_relaxed));
  block->is_fiber = true;
  block->home = owner.id().place;
  block->index = slot.index;
  block->park_timer.owner = slot.index;
  block->park_timer.kind = timer_kind::fiber;
  block->stack_bottom = slot.stack_bottom;
  block->stack_bytes = static_cast<std::size_t>(static_cast<std::byte*>(slot.control) -
                                                static_cast<std::byte*>(slot.stack_bottom));
  set_stack_bounds(block->saved, slot.stack_bottom, slot.stack_top);
  return block;
}

control_block* constructed(runtime& owner, const stack_slot& slot) noexcept {
  auto* const block = static_cast<control_block*>(slot.control);
  return is_unused(*block) ? construct(owner, slot) : block;
}

// From the processor's cache; nullptr: it is empty.
control_block* take_cached(runtime& owner) noexcept {
  std::uint32_t index = worker::no_stack;
  std::uint64_t number = 0;
  {
    const gate_visit visit(owner);
    worker* const here = visit.inside();
    if (here == nullptr) return nullptr;
    index = here->take_stack();
    if (index == worker::no_stack) return nullptr;
    number = owner.next_number(here->own());
  }
  auto* block = static_cast<control_block*>(owner.stacks().block_at(index));
  // Outside the gate, since it touches new memory.
  if (is_unused(*block)) [[unlikely]] {
    block = construct(owner, owner.stacks().slot_at(index));
  }
  block->number = number;
  return block;
}

// Refills the processor's cache, outside the gate: it may map memory. Returns one of the new
// stacks.
result<control_block*> take_fresh(runtime& owner) noexcept {
  std::array<std::uint32_t, processor::stack_cache_size / 2> fresh;
  const std::size_t count = owner.stacks().take_some(fresh);
  if (count == 0) {
    auto slot = owner.stacks().take(default_stack_size);  // for its error
    if (!slot) return std::unexpected(slot.error());
    return constructed(owner, *slot);
  }
  const std::span<const std::uint32_t> rest(fresh.data(), count - 1);
  if (const gate_visit visit(owner); visit.inside() != nullptr) {
    for (const std::uint32_t index : rest) visit.inside()->give_stack(index);
  } else {
    owner.stacks().give_some(rest);
  }
  return constructed(owner, owner.stacks().slot_at(fresh[count - 1]));
}

result<control_block*> take_block(runtime& owner, const spawn_options& options) noexcept {
  const bool usual = options.stack_size == 0;
  if (usual) {
    if (control_block* const cached = take_cached(owner)) return cached;
  }
  auto taken = [&]() -> result<control_block*> {
    if (usual) return take_fresh(owner);
    auto slot = owner.stacks().take(options.stack_size + guard_bytes + sizeof(control_block));
    if (!slot) return std::unexpected(slot.error());
    return constructed(owner, *slot);
  }();
  if (taken) {
    (*taken)->usual_stack = usual;
    (*taken)->number = owner.next_number();
  }
  return taken;
}

void reset(control_block& block, const std::source_location& where, void* closure) noexcept {
  block.exceptions = {};
  block.stop_requested.store(false, std::memory_order_relaxed);
  block.innermost.store(nullptr, std::memory_order_relaxed);
  block.scope_end = park_forever;
  block.shielded.store(false, std::memory_order_relaxed);
  block.system_locks = 0;
  block.waiting_for.store(wait_kind::starting, std::memory_order_relaxed);
  block.waiting_since.store(0, std::memory_order_relaxed);
  block.trimmed_at = 0;
  block.spawn_file = where.file_name();
  block.spawn_line = where.line();
  block.closure = closure;
  block.locals = nullptr;
  make_context(block.saved, closure, &fiber_main, &block);
}

// The closure lies at the top of the stack, the first frame below it. Returns nullptr: no room.
void* place_closure(control_block& block, const detail::closure_type& type) noexcept {
  constexpr std::size_t least_stack = 4096;
  if (type.size + type.alignment + least_stack > block.stack_bytes) return nullptr;
  auto* const top = reinterpret_cast<std::byte*>(&block);
  const auto end = reinterpret_cast<std::uintptr_t>(top);
  return top - (end - align_down(end - type.size, std::max<std::size_t>(type.alignment, 16)));
}

void give_back(runtime& owner, control_block& block) noexcept { owner.stacks().give(block.index); }

inline result<control_block*> prepare_fiber(runtime& owner, const detail::closure_type& type,
                                            const spawn_options& options,
                                            const std::source_location& where) noexcept {
  auto taken = take_block(owner, options);
  if (!taken) return taken;
  control_block& block = **taken;
  void* const closure = place_closure(block, type);
  if (closure == nullptr) {
    owner.stacks().give(block.index);
    return std::unexpected(error(errc::no_stack));
  }
  // The caller is about to construct the closure where the stack's last user has left its frames.
  race_acquire(&block.sanitizer);  // pairs with before_switch of that user
  stack_unpoison(block.stack_bottom, block.stack_bytes);
  reset(block, where, closure);
  block.name = options.name;
  return taken;
}

void publish(runtime& owner, control_block& block) noexcept {
  if (owner.symmetric_gate()) {
    block.state.store(slot_state::live, std::memory_order_seq_cst);  // [S1]
  } else {
    // release: pairs with dumps, which read the rest.
    block.state.store(slot_state::live, std::memory_order_release);  // [S1]
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  // relaxed: nobody else looks before the fiber runs, but for the walk, which stores the same.
  if (owner.stopping()) block.stop_requested.store(true, std::memory_order_relaxed);
}

// For whoever holds no processor of the owner's.
void start_from_outside(runtime& owner, control_block& block) noexcept {
  owner.fiber_started();
  publish(owner, block);
  race_release(&block);
  owner.make_runnable(&block);
}

inline void start_fiber(runtime& owner, control_block& block, void (*run)(void* closure)) noexcept {
  block.run = run;
  sanitizer_create(block.sanitizer, block.spawn_file);
#ifndef SLUICE_MIGRATE
  bool tell = false;
  {
    const gate_visit visit(owner);
    worker* const here = visit.inside();
    if (here == nullptr) return start_from_outside(owner, block);
    owner.fiber_started(here->own());
    block.last_processor = here->own().index;
    publish(owner, block);
    race_release(&block);
    note_inside(here->own(), block, here->current());
    tell = here->push_next(&block);
  }
  if (tell) owner.wake_one();
#else
  if (const gate_visit visit(owner); visit.inside() != nullptr) {
    block.last_processor = visit.inside()->own().index;
  }
  start_from_outside(owner, block);
#endif
}

}  // namespace
}  // namespace sluice::rt

namespace sluice::detail {

namespace {

result<spawn_slot> reserve_in(rt::runtime& owner, const closure_type& type,
                              const spawn_options& options,
                              const std::source_location& where) noexcept {
  auto block = rt::prepare_fiber(owner, type, options, where);
  if (!block) return std::unexpected(block.error());
  return spawn_slot{*block, (*block)->closure};
}

}  // namespace

result<spawn_slot> spawn_reserve(const closure_type& type, const spawn_options& options,
                                 const std::source_location& where) noexcept {
  rt::runtime* const owner =
      options.on != nullptr ? &rt::core_of(*options.on) : rt::current_runtime();
  if (owner == nullptr) return std::unexpected(error(errc::not_a_fiber));
  return reserve_in(*owner, type, options, where);
}

void spawn_start(const spawn_slot& slot, const closure_type& type) noexcept {
  auto& block = *static_cast<rt::control_block*>(slot.control);
  rt::start_fiber(rt::runtime_at(block.home), block, type.run);
}

void spawn_abandon(const spawn_slot& slot) noexcept {
  auto& block = *static_cast<rt::control_block*>(slot.control);
  rt::give_back(rt::runtime_at(block.home), block);
}

void throw_spawn_failure(const error& failure) {
  if (failure == errc::not_a_fiber) {
    throw_logic_error("sluice: a fiber was started while no runtime is running");
  }
  throw std::system_error(failure.code(), failure.message());
}

}  // namespace sluice::detail

namespace sluice::rt {

void spawn_main(runtime& owner, void (*main)(void* argument), void* argument,
                const std::source_location& where) {
  struct first {
    runtime* owner;
    void (*main)(void*);
    void* argument;
  };
  const detail::closure_type type{sizeof(first), alignof(first), [](void* closure) {
                                    const first self = *static_cast<first*>(closure);
                                    self.main(self.argument);
                                    self.owner->stop_all();
                                  }};
  const auto slot = detail::reserve_in(owner, type, {.name = "main"}, where);
  if (!slot) detail::throw_spawn_failure(slot.error());
  ::new (slot->closure) first{&owner, main, argument};
  detail::spawn_start(*slot, type);
}

}  // namespace sluice::rt
