// runtimes.h: which runtimes the process has. Each has a place among them from its construction to
// its destruction, and stands in it while it runs; its fibers and descriptors carry the place's
// number, so that whoever wakes one finds its runtime, from wherever he is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sluice::rt {

class runtime;

inline constexpr std::uint16_t runtime_limit = 64;

// Names a runtime for as long as the process lives.
struct runtime_id {
  std::uint64_t number = 0;  // never given twice; from 1
  std::uint16_t place = 0;
};

// A runtime's place. Errors: std::logic_error, all are taken.
class runtime_place {
 public:
  runtime_place();
  runtime_place(const runtime_place&) = delete;
  runtime_place& operator=(const runtime_place&) = delete;
  ~runtime_place();
  [[nodiscard]] const runtime_id& id() const noexcept { return id_; }

 private:
  runtime_id id_;
};

// Puts the runtime into its place, and takes it out: before its first worker starts, and after its
// last has ended. `withdraw` waits for whoever has pinned it.
void publish(runtime& which) noexcept;
void withdraw(runtime& which) noexcept;

// The one that the calling fiber or worker belongs to; on a plain thread, the one that has run for
// the longest time; nullptr: none. Fibers and workers may rely on it.
[[nodiscard]] runtime* current_runtime() noexcept;

// The one in this place, for who knows something of it that keeps it from ending: a fiber that has
// not ended, or a descriptor that it was told is not an orphan.
[[nodiscard]] runtime& runtime_at(std::uint16_t place) noexcept;

[[nodiscard]] bool is_running(const runtime_id& which) noexcept;
[[nodiscard]] std::size_t running_count() noexcept;

// Keeps every runtime from ending while this lives; for those who are none of its fibers. Briefly:
// their ends wait.
class runtime_pin {
 public:
  runtime_pin();
  // As current_runtime().
  [[nodiscard]] runtime* get() const noexcept { return current_runtime(); }
  // Calls visit(runtime&) for each, in the order of their places.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint16_t place = 0; place < runtime_limit; ++place) {
      if (runtime* const one = find(place)) visit(*one);
    }
  }

 private:
  [[nodiscard]] static runtime* find(std::uint16_t place) noexcept;
  const std::unique_lock<std::mutex> held_;
};

}  // namespace sluice::rt
