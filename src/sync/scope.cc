// scope.cc: with_deadline() and with_stop_token(); what they do to blocking calls is
// sched/scope.h's.
#include "sluice/scope.h"

#include <algorithm>
#include <new>
#include <stop_token>

#include "sched/awaited_callback.h"
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
    rt::scope_frame& frame;
    void operator()() const noexcept { frame.stop(); }
  };

  rt::scope_frame frame;
  // Last: it goes first.
  rt::awaited_callback<stop_it> on_stop;
};

stop_scope::internals& stop_scope::inside() noexcept {
  return *std::launder(reinterpret_cast<internals*>(memory_));
}

stop_scope::stop_scope(const std::stop_token& token) noexcept {
  static_assert(sizeof(internals) <= sizeof(memory_) && alignof(internals) <= 8);
  auto* const self = ::new (static_cast<void*>(memory_)) internals;
  if (token.stop_possible()) self->on_stop.attach(token, {self->frame});
}

stop_scope::~stop_scope() { inside().~internals(); }

}  // namespace sluice::detail
