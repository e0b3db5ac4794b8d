#include "sched/runtime.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "base/bug.h"
#include "fiber/overflow.h"
#include "os/clock.h"
#include "os/limits.h"
#include "os/membarrier.h"
#include "os/processors.h"
#include "os/signals.h"
#include "sched/monitor.h"
#include "sched/spawn.h"
#include "sched/static_guard.h"
#include "sched/tracing.h"
#include "sched/worker.h"
#include "sched/worker_tls.h"
#include "sluice/runtime.h"

namespace sluice::rt {

test_switches switched;

namespace {

constexpr std::uint16_t processor_limit = 1024;

// How many runtimes keep signals. Its mutex is held while the last one gives them back.
struct signal_keepers {
  std::mutex mutex;
  std::uint32_t count = 0;  // GUARDED_BY(mutex)
};
signal_keepers& keepers() noexcept {
  static auto* const one = new signal_keepers;  // never destroyed
  return *one;
}

std::uint32_t choose_processors(std::uint32_t wanted) noexcept {
  if (wanted == 0) {
    if (const char* text = std::getenv("SLUICE_PROCS")) {
      const long number = std::strtol(text, nullptr, 10);
      if (number > 0 && number <= long{processor_limit})
        wanted = static_cast<std::uint32_t>(number);
    }
  }
  if (wanted == 0) wanted = os::usable_processors();
  return std::min<std::uint32_t>(wanted, processor_limit);
}

bool choose_symmetric_gate() noexcept {
#if defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return true;
#endif
#endif
  return switched.symmetric_gate || !os::register_membarrier();
}

std::unique_ptr<poller> new_shard(const poller_backend& backend) {
  auto made = switched.make_shard != nullptr ? switched.make_shard() : backend.make();
  if (!made) throw std::system_error(made.error().code(), "sluice: cannot make a poller");
  return std::move(*made);
}

}  // namespace

runtime::runtime(const run_options& options)
    : options_(options),
      processor_count_(choose_processors(options.processors)),
      symmetric_gate_(choose_symmetric_gate()),
      backend_(choose_poller()),
      stacks_({.control_size = sizeof(control_block)}),
      descriptors_(place_.id().place),
      idle_(processor_count_),
      processors_(new processor[processor_count_]) {
  for (std::uint32_t i = 0; i < processor_count_; ++i) {
    processors_[i].index = i;
    processors_[i].shard = new_shard(backend_);
    if (processor_count_ == 1) processors_[i].queue.forgo_thieves();
    workers_.push_back(std::make_unique<worker>(*this, processors_[i]));
  }
  if (options_.raise_descriptor_limit) (void)os::raise_descriptor_limit();
}

// A plain thread that has made the last fiber runnable may still be on its way out of
// make_runnable, and no join waits for it:
//
//   the thread       raises outsiders_ [O1], publishes the fiber, wakes a worker, lowers it [O2]
//   the destruction  comes when all fibers have ended and all workers are joined; waits for 0 [O3]
//
// Whoever publishes the last fiber has raised the count before the fiber could run, so the
// destruction sees it; lowering it is the thread's last access to the runtime.
runtime::~runtime() {
  // acquire: pairs with [O2].
  while (outsiders_.load(std::memory_order_acquire) != 0) std::this_thread::yield();  // [O3]
  // Without the lock: it was withdrawn, so nobody else can find it.
  if (tracing_into_ != nullptr) stop_tracing(*tracing_into_);
}

// Keeps the runtime from being destroyed under a thread that is not one of its workers.
class runtime::outsider {
 public:
  explicit outsider(runtime& owner) noexcept : owner_(owner) {
    // relaxed: ordered before the destruction by the fiber that is published afterwards.
    owner_.outsiders_.fetch_add(1, std::memory_order_relaxed);  // [O1]
  }
  ~outsider() {
    // release: pairs with [O3].
    owner_.outsiders_.fetch_sub(1, std::memory_order_release);  // [O2]
  }
  outsider(const outsider&) = delete;
  outsider& operator=(const outsider&) = delete;

 private:
  runtime& owner_;
};

// ---- making runnable

void runtime::make_runnable(control_block* fiber) noexcept {
#ifdef SLUICE_MIGRATE
  // Round the processors, never where it was.
  const outsider inside(*this);
  count_outside(*fiber);
  note_outside(*fiber);
  processor& to = processors_[(fiber->last_processor + 1) % processor_count_];
  worker::post(to, fiber);
  signal(to);
#else
  worker* const here = current_worker();
  if (here == nullptr || &here->owner() != this) return push_from_outside(fiber);
  bool tell = false;
  if (here->current() == nullptr) {
    processor_counters::add(here->own().counters.wakes);
    note_inside(here->own(), *fiber, nullptr);
    tell = here->push_next(fiber);  // the worker's loop is inside the gate
  } else if (here->enter()) {
    processor_counters::add(here->own().counters.wakes);
    note_inside(here->own(), *fiber, here->current());
    tell = here->push_next(fiber);
    here->leave_gate();
  } else {
    return push_from_outside(fiber);
  }
  if (tell) wake_one();
#endif
}

void runtime::make_runnable_last(control_block* fiber) noexcept {
#ifdef SLUICE_MIGRATE
  make_runnable(fiber);
#else
  worker& here = *current_worker();
  processor_counters::add(here.own().counters.wakes);
  note_inside(here.own(), *fiber, nullptr);
  here.push_tail(fiber);
#endif
}

// Unless it has just been spawned.
void runtime::count_outside(const control_block& woken) noexcept {
  // relaxed: of one who waits, and is the caller's.
  if (is_wait(woken.waiting_for.load(std::memory_order_relaxed))) {
    processor_counters::add_shared(outside_.wakes);
  }
}

void runtime::push_from_outside(control_block* fiber) noexcept {
  const outsider inside(*this);
  count_outside(*fiber);
  note_outside(*fiber);
  fiber->waiting_for.store(wait_kind::runnable, std::memory_order_relaxed);
  global_.push(fiber);
  wake_one();
}

void runtime::wake_one() noexcept {
  if (const auto claimed = idle_.claim_one()) signal(processors_[*claimed]);
}

void runtime::signal(processor& which) noexcept {
  if (idle_.signal(which.index)) which.shard->wake();
}

// ---- fibers coming and going

std::uint64_t runtime::next_number(processor& at) noexcept {
  std::uint64_t next = at.next_number.load(std::memory_order_relaxed);
  if (next == at.numbers_end.load(std::memory_order_relaxed)) {
    next = spawned_.fetch_add(share, std::memory_order_relaxed);
    at.numbers_end.store(next + share, std::memory_order_relaxed);
  }
  at.next_number.store(next + 1, std::memory_order_relaxed);
  return next + 1;
}

void runtime::fiber_started() noexcept {
  // relaxed: whoever starts a fiber is alive itself, or is run().
  alive_.fetch_add(1, std::memory_order_relaxed);
  processor_counters::add_shared(outside_.spawned);
}

void runtime::fiber_started(processor& at) noexcept {
  std::uint64_t unborn = at.unborn.load(std::memory_order_relaxed);
  if (unborn == 0) {
    alive_.fetch_add(share, std::memory_order_relaxed);
    unborn = share;
  }
  at.unborn.store(unborn - 1, std::memory_order_relaxed);
  processor_counters::add(at.counters.spawned);
}

void runtime::fiber_ended(processor& at) noexcept {
  std::uint64_t unborn = at.unborn.load(std::memory_order_relaxed) + 1;
  if (unborn == 2 * share) {
    // Does not come to zero: the other half is still counted. acq_rel: as below.
    alive_.fetch_sub(share, std::memory_order_acq_rel);
    unborn = share;
  }
  at.unborn.store(unborn, std::memory_order_relaxed);
}

void runtime::give_share_back(processor& at) noexcept {
  const std::uint64_t unborn = at.unborn.load(std::memory_order_relaxed);
  if (unborn == 0) return;
  at.unborn.store(0, std::memory_order_relaxed);
  // acq_rel: the last one sees all others' ends before it lets run() return.
  if (alive_.fetch_sub(unborn, std::memory_order_acq_rel) == unborn) all_ended();
}

void runtime::all_ended() noexcept {
  // seq_cst: the sleepers' second look.
  finished_.store(true, std::memory_order_seq_cst);
  for (processor& each : processors()) signal(each);
}

void runtime::keep_signals() noexcept {
  // seq_cst: not worth a thought.
  if (keeps_signals_.exchange(true)) return;
  const std::lock_guard held(keepers().mutex);
  ++keepers().count;
}

void runtime::stop_all() noexcept {
  // Before those whom it concerns are woken and go away.
  stop_source_.request_stop();
  stopping_.store(true, std::memory_order_seq_cst);  // [S2] of control_block.h
  if (!symmetric_gate_) os::membarrier();
  if (monitor_ != nullptr) monitor_->wake();
  stacks_.for_each([](std::uint32_t, void* control) {
    auto& fiber = *static_cast<control_block*>(control);
    if (fiber.state.load(std::memory_order_seq_cst) == slot_state::live) stop_fiber(fiber);
  });
}

void stop_fiber(control_block& fiber) noexcept {
  race_release(&fiber);  // pairs with park_interrupted, and with the end of the park
  // seq_cst: the canceller's recipe in park_word.h.
  fiber.stop_requested.store(true, std::memory_order_seq_cst);
  // relaxed: written before the park began.
  const auto unshielded = [&] { return !fiber.shielded.load(std::memory_order_relaxed); };
  if (fiber.word.claim_stop(unshielded) == claim_result::runnable) ready(fiber);
}

// ---- running

void runtime::catch_quit_signal() {
  keep_signals();
  os::after_noting(&monitor::wake_all);
  if (auto caught = os::catch_signal(os::quit_signal); !caught) {
    throw std::system_error(caught.error().code(), "sluice: the quit signal cannot be caught");
  }
}

void runtime::start_threads(std::uint32_t first_worker) {
  threads_.reserve(processor_count_);
  // The monitor is who prints.
  if (options_.dump_on_quit && options_.monitor) catch_quit_signal();
  if (options_.monitor) monitor_ = std::make_unique<monitor>(*this);
  for (std::uint32_t i = first_worker; i < processor_count_; ++i) {
    threads_.emplace_back([this, i] { workers_[i]->run(); });
  }
}

// The workers leave, or have left.
void runtime::finish() noexcept {
  for (std::thread& each : threads_) each.join();
  monitor_.reset();
  if (keeps_signals_.load()) {
    const std::lock_guard held(keepers().mutex);
    if (--keepers().count == 0) {
      os::restore_signals();
      os::after_noting(nullptr);
    }
  }
  race_acquire(this);  // pairs with the end of every fiber
}

void runtime::run(void (*main)(void* argument), void* argument, const std::source_location& where) {
  try {
    start_threads(1);
    spawn_main(*this, main, argument, where);
  } catch (...) {
    all_ended();
    finish();
    throw;
  }
  workers_[0]->run();
  finish();
}

void runtime::begin() {
  embedded_ = true;
  // As if by a fiber that ends with end(). relaxed: nobody runs yet.
  alive_.fetch_add(1, std::memory_order_relaxed);
  try {
    start_threads(0);
  } catch (...) {
    all_ended();
    finish();
    throw;
  }
}

void runtime::end() noexcept {
  stop_all();
  // acq_rel: as in give_share_back.
  if (alive_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_ended();
  finish();
}

runtime_stats runtime::stats() noexcept {
  runtime_stats sum;
  sum.processors = processor_count_;
  sum.workers = processor_count_;
  sum.poller = backend_.name;
  std::uint64_t unborn = 0;
  sum.polls = outside_.polls.load(std::memory_order_relaxed);
  sum.spawned = outside_.spawned.load(std::memory_order_relaxed);
  for (const processor& each : processors()) {
    unborn += each.unborn.load(std::memory_order_relaxed);
    const processor_counters& from = each.counters;
    sum.polls += from.polls.load(std::memory_order_relaxed);
    sum.sleeps += from.sleeps.load(std::memory_order_relaxed);
    sum.parks += from.parks.load(std::memory_order_relaxed);
    sum.steals += from.steals.load(std::memory_order_relaxed);
    sum.wakeups += from.wakeups.load(std::memory_order_relaxed);
    sum.spawned += from.spawned.load(std::memory_order_relaxed);
  }
  // Read one after another while others change: never below zero for that.
  sum.fibers = alive_.load(std::memory_order_relaxed);
  if (embedded_) ++unborn;  // see begin()
  sum.fibers -= std::min(sum.fibers, unborn);
  sum.descriptors = descriptors_.in_use();
  sum.monitor_looks = looks_.load(std::memory_order_relaxed);
  return sum;
}

namespace {

std::size_t describe(const stack_pool& pool, std::uint32_t index, std::span<char> into) noexcept {
  const auto& fiber = *static_cast<const control_block*>(pool.block_at(index));
  const int length = std::snprintf(into.data(), into.size(), "fiber %u (spawned at %s:%u)", index,
                                   fiber.spawn_file, fiber.spawn_line);
  return std::min(static_cast<std::size_t>(std::max(length, 0)), into.size());
}

// The runtime is known, and whatever else is process-wide is there, for as long as it runs.
class registration {
 public:
  explicit registration(runtime& owner)
      : owner_(owner), overflow_(owner.options().report_stack_overflow) {
    if (overflow_) install_overflow_handler(&describe);
    publish(owner_);
  }
  ~registration() {
    withdraw(owner_);
    if (overflow_) uninstall_overflow_handler();
  }
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;

 private:
  runtime& owner_;
  const bool overflow_;
};

}  // namespace
}  // namespace sluice::rt

namespace sluice {

runtime_stats stats() noexcept {
  std::optional<rt::runtime_pin> pin;
  if (rt::current_worker() == nullptr) pin.emplace();
  rt::runtime* const owner = rt::current_runtime();
  return owner != nullptr ? owner->stats() : runtime_stats{};
}

void detail::run_main(void (*main)(void* argument), void* argument, const run_options& options,
                      const std::source_location& where) {
  if (rt::current_worker() != nullptr) {
    throw std::logic_error("sluice: run() was called by a fiber");
  }
#if SLUICE_STATIC_GUARD
  rt::static_guard_anchor();
#endif
  rt::runtime owner(options);
  const rt::registration registered(owner);
  owner.run(main, argument, where);
}

// ---- a runtime as an object

struct runtime::internals {
  explicit internals(const run_options& options) : core(options), registered(core) {}
  rt::runtime core;
  const rt::registration registered;
};

runtime::runtime(const run_options& options) {
#if SLUICE_STATIC_GUARD
  rt::static_guard_anchor();
#endif
  inside_ = std::make_unique<internals>(options);
  inside_->core.begin();
}

runtime::~runtime() {
  rt::worker* const here = rt::current_worker();
  if (here != nullptr && &here->owner() == &inside_->core) {
    misuse("a sluice::runtime was destroyed by one of its own fibers");
  }
  inside_->core.end();
}

void runtime::request_stop() noexcept { inside_->core.stop_all(); }
runtime_stats runtime::stats() const noexcept { return inside_->core.stats(); }

}  // namespace sluice

sluice::rt::runtime& sluice::rt::core_of(const sluice::runtime& which) noexcept {
  return which.inside_->core;
}
