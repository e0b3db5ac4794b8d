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
#include "sched/worker_switch.h"
#include "sched/worker_tls.h"
#include "sluice/fiber.h"

namespace sluice::rt {
namespace {

struct closure_place {
  void* begin;
  void* stack_top;
};

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

// A stack from the processor's cache, which is refilled outside the gate: it may map memory.
result<stack_slot> take_usual_stack(runtime& owner, std::uint64_t& number) noexcept {
  result<stack_slot> cached = std::unexpected(error(errc::no_stack));
  {
    const gate_visit visit(owner);
    worker* const here = visit.inside();
    number = here != nullptr ? owner.next_number(here->own()) : owner.next_number();
    if (here == nullptr) return owner.stacks().take(default_stack_size);
    cached = here->take_stack();
  }
  if (cached) return cached;
  std::array<std::uint32_t, processor::stack_cache_size / 2> fresh;
  const std::size_t count = owner.stacks().take_some(fresh);
  if (count == 0) return owner.stacks().take(default_stack_size);  // for its error
  const std::span<const std::uint32_t> rest(fresh.data(), count - 1);
  if (const gate_visit visit(owner); visit.inside() != nullptr) {
    for (const std::uint32_t index : rest) visit.inside()->give_stack(index);
  } else {
    owner.stacks().give_some(rest);
  }
  return owner.stacks().slot_at(fresh[count - 1]);
}

result<stack_slot> take_stack(runtime& owner, const spawn_options& options,
                              std::uint64_t& number) noexcept {
  if (options.stack_size == 0) return take_usual_stack(owner, number);
  number = owner.next_number();
  return owner.stacks().take(options.stack_size + guard_bytes + sizeof(control_block));
}

// Makes the slot's control block fit to serve a new fiber. A block that served before keeps its
// park word, whose epoch never goes back; one whose memory was given back starts from the epoch
// that its last fiber left in the pool.
control_block& renew(runtime& owner, const stack_slot& slot) noexcept {
  auto* block = static_cast<control_block*>(slot.control);
  // acquire: pairs with recycle().
  if (block->state.load(std::memory_order_acquire) == slot_state::unused) {
    block = ::new (slot.control) control_block;
    block->word.restart(owner.stacks().epoch_of(slot.index).load(std::memory_order_relaxed));
    block->is_fiber = true;
    block->index = slot.index;
    block->park_timer.owner = slot.index;
    block->park_timer.kind = timer_kind::fiber;
  }
  return *block;
}

void reset(control_block& block, const stack_slot& slot, const std::source_location& where,
           const closure_place& closure) noexcept {
  block.exceptions = {};
  block.stop_requested.store(false, std::memory_order_relaxed);
  block.shields = 0;
  block.waiting_for.store(wait_kind::starting, std::memory_order_relaxed);
  block.waiting_since.store(0, std::memory_order_relaxed);
  block.trimmed_at = 0;
  block.spawn_file = where.file_name();
  block.spawn_line = where.line();
  block.stack_bottom = slot.stack_bottom;
  block.stack_bytes = static_cast<std::size_t>(static_cast<std::byte*>(slot.control) -
                                               static_cast<std::byte*>(slot.stack_bottom));
  block.closure = closure.begin;
  block.locals = nullptr;
  make_context(block.saved, closure.stack_top, &fiber_main, &block);
}

// The closure lies at the top of the stack, the first frame below it.
std::optional<closure_place> place_closure(const stack_slot& slot,
                                           const detail::closure_type& type) noexcept {
  const auto top = reinterpret_cast<std::uintptr_t>(slot.stack_top);
  const auto bottom = reinterpret_cast<std::uintptr_t>(slot.stack_bottom);
  constexpr std::size_t least_stack = 4096;
  if (type.size + type.alignment + least_stack > top - bottom) return std::nullopt;
  const std::uintptr_t begin =
      align_down(top - type.size, std::max<std::size_t>(type.alignment, 16));
  auto* const base = static_cast<std::byte*>(slot.stack_bottom);
  std::byte* const place = base + (begin - bottom);
  return closure_place{place, place};
}

void give_back(runtime& owner, control_block& block) noexcept { owner.stacks().give(block.index); }

}  // namespace

result<control_block*> prepare_fiber(runtime& owner, const detail::closure_type& type,
                                     const spawn_options& options,
                                     const std::source_location& where) noexcept {
  std::uint64_t number = 0;
  auto slot = take_stack(owner, options, number);
  if (!slot) return std::unexpected(slot.error());
  const auto closure = place_closure(*slot, type);
  if (!closure) {
    owner.stacks().give(slot->index);
    return std::unexpected(error(errc::no_stack));
  }
  control_block& block = renew(owner, *slot);
  // The caller is about to construct the closure where the stack's last user has left its frames.
  race_acquire(&block.sanitizer);  // pairs with before_switch of that user
  stack_unpoison(slot->stack_bottom,
                 static_cast<std::size_t>(static_cast<std::byte*>(slot->control) -
                                          static_cast<std::byte*>(slot->stack_bottom)));
  reset(block, *slot, where, *closure);
  block.usual_stack = options.stack_size == 0;
  block.number = number;
  return &block;
}

namespace {

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

}  // namespace

void start_fiber(runtime& owner, control_block& block, void (*run)(void* closure)) noexcept {
  block.run = run;
  sanitizer_create(block.sanitizer, block.spawn_file);
  if (const gate_visit visit(owner); visit.inside() != nullptr) {
    owner.fiber_started(visit.inside()->own());
    block.last_processor = visit.inside()->own().index;
  } else {
    owner.fiber_started();
  }
  publish(owner, block);
  race_release(&block);
  owner.make_runnable(&block);
}

void spawn_main(runtime& owner, void (*main)(void* argument), void* argument) {
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
  auto block = prepare_fiber(owner, type, {}, std::source_location::current());
  if (!block) detail::throw_spawn_failure(block.error());
  ::new ((*block)->closure) first{&owner, main, argument};
  start_fiber(owner, **block, type.run);
}

}  // namespace sluice::rt

namespace sluice::detail {

result<spawn_slot> spawn_reserve(const closure_type& type, const spawn_options& options,
                                 const std::source_location& where) noexcept {
  rt::runtime* const owner = rt::current_runtime();
  if (owner == nullptr) return std::unexpected(error(errc::not_a_fiber));
  auto block = rt::prepare_fiber(*owner, type, options, where);
  if (!block) return std::unexpected(block.error());
  return spawn_slot{*block, (*block)->closure};
}

void spawn_start(const spawn_slot& slot, const closure_type& type) noexcept {
  rt::start_fiber(*rt::current_runtime(), *static_cast<rt::control_block*>(slot.control), type.run);
}

void spawn_abandon(const spawn_slot& slot) noexcept {
  rt::give_back(*rt::current_runtime(), *static_cast<rt::control_block*>(slot.control));
}

void throw_spawn_failure(const error& failure) {
  if (failure == errc::not_a_fiber) {
    throw_logic_error("sluice: a fiber was started while no runtime is running");
  }
  throw std::system_error(failure.code(), failure.message());
}

}  // namespace sluice::detail
