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
    rt::change_bell::hold held(bell_);
    while (live_.size() >= limit) {
      if (handle_.lock().is_closed() || rt::stop_reason()) return false;
      held.wait(rt::park_forever, true);
    }
    return true;
  }

  // Without memory for one more fiber the connection is closed, and the others go on.
  void start(stream connection) noexcept {
    try {
      const auto at = add();
      const auto started =
          try_go([this, at](stream own) { serve_one(at, std::move(own)); }, std::move(connection));
      if (!started) remove(at);
    } catch (const std::bad_alloc&) {
      // add() has changed nothing; the connection's destructor closes it.
    }
  }

  // Waits until every handler has returned; from `until` on they are asked to stop.
  void drain(std::int64_t until) noexcept {
    rt::change_bell::hold held(bell_);
    bool asked = false;
    while (!live_.empty()) {
      if (!asked && os::monotonic_now() >= until) {
        asked = true;
        stop_all(held);
        continue;  // somebody may have left meanwhile
      }
      held.wait(asked ? rt::park_forever : until, false);
    }
  }

 private:
  struct place {
    rt::control_block* fiber = nullptr;  // of one connection; null until it has begun
    bool asked = false;                  // to stop, or to do so itself once it begins
  };
  using places = std::list<place>;

  places::iterator add() {
    places one(1);  // allocated before the lock is taken
    rt::change_bell::hold held(bell_);
    live_.splice(live_.end(), one);
    return std::prev(live_.end());
  }

  // The last thing a handler's fiber does here: afterwards serve may have returned.
  void remove(places::iterator at) noexcept {
    places one;
    rt::change_bell::hold held(bell_);
    one.splice(one.end(), live_, at);
    held.ring();
  }

  void serve_one(places::iterator at, stream connection) {
    bool stop = false;
    {
      rt::change_bell::hold held(bell_);
      at->fiber = rt::this_fiber_or_null();
      stop = stopping_;
    }
    if (stop) rt::stop_fiber(*rt::this_fiber_or_null());
    handler_(std::move(connection));
    remove(at);
  }

  // Under the lock no fiber in the list can end; and none that was claimed can end before it is
  // made runnable, which happens while the lock is free. Those who were asked go to the back.
  void stop_all(rt::change_bell::hold& held) noexcept {
    stopping_ = true;
    for (held.make_room(); !live_.empty() && !live_.front().asked; held.make_room()) {
      place& next = live_.front();
      next.asked = true;
      if (next.fiber != nullptr && rt::claim_to_stop(*next.fiber)) held.wake(*next.fiber);
      live_.splice(live_.end(), live_, live_.begin());
    }
  }

  rt::change_bell& bell_;
  io_handle& handle_;
  const std::function<void(stream)>& handler_;
  places live_;            // GUARDED_BY(bell_)
  bool stopping_ = false;  // GUARDED_BY(bell_)
};

result<void> accept_until_closed(listener& from, serving& all, std::size_t limit) {
  for (;;) {
    if (!all.await_room(limit)) {
      return std::unexpected(error(rt::stop_reason().value_or(errc::closed)));
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
