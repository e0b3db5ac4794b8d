#include "sluice/net/serve.h"

#include <algorithm>
#include <list>
#include <new>

#include "net/listener_access.h"
#include "net/listener_state.h"
#include "os/clock.h"
#include "sched/park_time.h"
#include "sched/spawn.h"
#include "sluice/fiber.h"

namespace sluice::net {
namespace {

// The connections of one serve. Lives in serve's frame, which outlives every handler.
class serving {
 public:
  serving(listener_state& state, const std::function<void(stream)>& handler) noexcept
      : bell_(state.bell), handle_(*state.handle), handler_(handler) {}

  // Waits until there is room for one more. False: the listener is closed, or a stop was asked for.
  [[nodiscard]] bool await_room(std::size_t limit) noexcept {
    change_bell::hold held(bell_);
    while (live_.size() >= limit) {
      if (handle_.lock().is_closed() || rt::stop_requested()) return false;
      held.wait(rt::park_forever, true);
    }
    return true;
  }

  // Without memory for one more fiber the connection is closed, and the others go on.
  void start(stream connection) noexcept {
    try {
      const auto place = add();
      const auto started = try_go([this, place](stream own) { serve_one(place, std::move(own)); },
                                  std::move(connection));
      if (!started) remove(place);
    } catch (const std::bad_alloc&) {
      // add() has changed nothing; the connection's destructor closes it.
    }
  }

  // Waits until every handler has returned; from `until` on they are asked to stop.
  void drain(std::int64_t until) noexcept {
    change_bell::hold held(bell_);
    bool asked = false;
    while (!live_.empty()) {
      if (!asked && os::monotonic_now() >= until) {
        asked = true;
        stop_all();
      }
      held.wait(asked ? rt::park_forever : until, false);
    }
  }

 private:
  // The fiber of one connection; null until it has begun.
  using places = std::list<rt::control_block*>;

  places::iterator add() {
    places one(1, nullptr);  // allocated before the lock is taken
    change_bell::hold held(bell_);
    live_.splice(live_.end(), one);
    return std::prev(live_.end());
  }

  // The last thing a handler's fiber does here: afterwards serve may have returned.
  void remove(places::iterator place) noexcept {
    places one;
    change_bell::hold held(bell_);
    one.splice(one.end(), live_, place);
    held.ring();
  }

  void serve_one(places::iterator place, stream connection) {
    {
      change_bell::hold held(bell_);
      *place = rt::this_fiber_or_null();
      if (stopping_) rt::stop_fiber(**place);
    }
    handler_(std::move(connection));
    remove(place);
  }

  // The lock is held, so that no fiber in the list can end.
  void stop_all() noexcept {
    stopping_ = true;
    for (rt::control_block* fiber : live_) {
      if (fiber != nullptr) rt::stop_fiber(*fiber);
    }
  }

  change_bell& bell_;
  io_handle& handle_;
  const std::function<void(stream)>& handler_;
  places live_;            // GUARDED_BY(bell_)
  bool stopping_ = false;  // GUARDED_BY(bell_)
};

result<void> accept_until_closed(listener& from, serving& all, std::size_t limit) {
  for (;;) {
    if (!all.await_room(limit)) {
      return std::unexpected(error(rt::stop_requested() ? errc::operation_canceled : errc::closed));
    }
    auto connection = from.accept();
    if (!connection) return std::unexpected(connection.error());
    all.start(std::move(*connection));
  }
}

}  // namespace

result<void> serve(listener& from, const std::function<void(stream)>& handler,
                   const serve_options& options) {
  listener_state* const state = listener_access::state_of(from);
  if (state == nullptr) return std::unexpected(error(std::errc::bad_file_descriptor));
  serving all(*state, handler);
  const std::size_t limit = std::max<std::size_t>(options.max_connections, 1);
  const auto ended = accept_until_closed(from, all, limit);
  all.drain(rt::park_time(deadline::in(options.drain)));
  if (ended.error() == errc::closed) return {};
  return ended;
}

}  // namespace sluice::net
