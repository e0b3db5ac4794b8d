// scope.cc: with_deadline() and with_stop_token(); what they do to blocking calls is
// sched/scope.h's.
//
// The destructor of a std::stop_callback waits for a call that is under way on another thread, and
// asks for the thread's own number to tell; so it stands in a function of its own, behind a call
// that the compiler does not look into, and not in a frame that may go on on another thread.
#include "sluice/scope.h"

#include <atomic>
#include <new>
#include <optional>
#include <stop_token>
#include <thread>

#include "os/relax.h"
#include "sched/park.h"
#include "sched/park_time.h"

namespace sluice::detail {

deadline_scope::deadline_scope(deadline until) noexcept
    : self_(rt::this_parker()), outer_(self_.scope_end) {
  self_.scope_end = std::min(outer_, rt::park_time(until));
}

deadline_scope::~deadline_scope() { self_.scope_end = outer_; }

struct stop_scope::internals {
  struct stop_it {
    internals& scope;
    void operator()() const noexcept { scope.stop(); }
  };

  explicit internals(const std::stop_token& token) noexcept {
    if (token.stop_possible()) on_stop.emplace(token, stop_it{*this});
  }
  ~internals() { end_callback(); }
  internals(const internals&) = delete;
  internals& operator=(const internals&) = delete;

  void stop() noexcept {
    // seq_cst, here and below: not worth a thought.
    stopping.store(true);
    frame.stop();
    stopped.store(true);
  }

  // Waits for a call that is under way before the destructor does, which in MinGW's library may
  // sleep for ever over it: what is left to wait for is the last instruction of that call.
  [[gnu::noinline]] void end_callback() noexcept {
    constexpr int tries_at_once = 32;
    for (int tries = 0; stopping.load() && !stopped.load(); ++tries) {
      tries < tries_at_once ? os::relax() : std::this_thread::yield();
    }
    on_stop.reset();
  }

  rt::scope_frame frame;
  std::atomic<bool> stopping{false};
  std::atomic<bool> stopped{false};
  std::optional<std::stop_callback<stop_it>> on_stop;
};

stop_scope::internals& stop_scope::inside() noexcept {
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

stop_scope::stop_scope(const std::stop_token& token) noexcept {
  static_assert(sizeof(internals) <= sizeof(memory_) && alignof(internals) <= 8);
  ::new (static_cast<void*>(memory_)) internals(token);
}

stop_scope::~stop_scope() { inside().~internals(); }

}  // namespace sluice::detail
