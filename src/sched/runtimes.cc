#include "sched/runtimes.h"

#include <array>
#include <atomic>
#include <stdexcept>

#include "sched/runtime.h"
#include "sched/worker.h"
#include "sched/worker_tls.h"

namespace sluice::rt {
namespace {

struct place {
  // acquire and release: whoever comes through a fiber or a descriptor is ordered by what told him
  // of it; the others have pinned it.
  std::atomic<runtime*> runs{nullptr};
  // seq_cst, with `eldest`: change twice a run. 0: nobody runs here.
  std::atomic<std::uint64_t> number{0};
  bool taken = false;  // GUARDED_BY(pinned())
};
constinit std::array<place, runtime_limit> places;
// What plain threads mean by "the runtime".
constinit std::atomic<runtime*> eldest{nullptr};
std::uint64_t numbers_given = 0;  // GUARDED_BY(pinned())

// Held by whoever looks at a runtime from outside, and for its end.
std::mutex& pinned() {
  static auto* const one = new std::mutex;  // never destroyed
  return *one;
}

// Under pinned().
runtime* find_eldest() noexcept {
  runtime* found = nullptr;
  for (const place& each : places) {
    runtime* const one = each.runs.load(std::memory_order_relaxed);
    if (one != nullptr && (found == nullptr || one->id().number < found->id().number)) found = one;
  }
  return found;
}

}  // namespace

runtime_place::runtime_place() {
  const std::lock_guard held(pinned());
  for (std::uint16_t i = 0; i < runtime_limit; ++i) {
    if (places[i].taken) continue;
    places[i].taken = true;
    id_ = {++numbers_given, i};
    return;
  }
  throw std::logic_error("sluice: 64 runtimes are running already");
}

runtime_place::~runtime_place() {
  const std::lock_guard held(pinned());
  places[id_.place].taken = false;
}

void publish(runtime& which) noexcept {
  const std::lock_guard held(pinned());
  place& own = places[which.id().place];
  own.runs.store(&which, std::memory_order_release);
  own.number.store(which.id().number, std::memory_order_seq_cst);
  if (eldest.load(std::memory_order_seq_cst) == nullptr) {
    eldest.store(&which, std::memory_order_seq_cst);
  }
}

void withdraw(runtime& which) noexcept {
  const std::lock_guard held(pinned());
  place& own = places[which.id().place];
  own.number.store(0, std::memory_order_seq_cst);
  own.runs.store(nullptr, std::memory_order_release);
  eldest.store(find_eldest(), std::memory_order_seq_cst);
}

runtime* current_runtime() noexcept {
  worker* const here = current_worker();
  return here != nullptr ? &here->owner() : eldest.load(std::memory_order_seq_cst);
}

runtime& runtime_at(std::uint16_t place) noexcept {
  return *places[place].runs.load(std::memory_order_acquire);
}

bool is_running(const runtime_id& which) noexcept {
  return places[which.place].number.load(std::memory_order_seq_cst) == which.number;
}

std::size_t running_count() noexcept {
  std::size_t count = 0;
  for (const place& each : places) {
    if (each.number.load(std::memory_order_seq_cst) != 0) ++count;
  }
  return count;
}

runtime_pin::runtime_pin() : held_(pinned()) {}

runtime* runtime_pin::find(std::uint16_t place) noexcept {
  return places[place].runs.load(std::memory_order_acquire);
}

}  // namespace sluice::rt
