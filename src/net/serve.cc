#include "sluice/net/serve.h"

#include <algorithm>

#include "net/listener_access.h"
#include "net/listener_state.h"
#include "os/clock.h"
#include "sched/park_time.h"
#include "sched/scope.h"
#include "sluice/fiber.h"

namespace sluice::net {
namespace {

// The connections of one serve. Lives in serve's frame, which outlives every handler. The handlers
// run in a scope of its own, under no other: whoever stops serve lets them finish first.
class serving {
 public:
  serving(listener_state& state, const std::function<void(stream)>& handler) noexcept
      : bell_(state.bell), handle_(*state.handle), handler_(handler) {}

  // Waits until there is room for one more. False: the listener is closed, or a stop was asked for.
  [[nodiscard]] bool await_room(std::size_t limit) noexcept {
    rt::change_bell::hold held(bell_);
    while (live_ >= limit) {
      if (handle_.lock().is_closed() || rt::stop_reason()) return false;
      held.wait(rt::park_forever, true);
    }
    return true;
  }

  // Without memory for one more fiber the connection is closed, and the others go on.
  void start(stream connection) noexcept {
    {
      const rt::change_bell::hold held(bell_);
      ++live_;
    }
    const auto started =
        try_go([this](stream own) { serve_one(std::move(own)); }, std::move(connection));
    if (!started) note_end();
  }

  // Waits until every handler has returned; from `until` on they are asked to stop.
  void drain(std::int64_t until) noexcept {
    if (await_end(until)) return;
    scope_.stop();
    (void)await_end(rt::park_forever);
  }

 private:
  void serve_one(stream connection) {
    rt::control_block& self = *rt::this_fiber_or_null();
    rt::scope_task task{.fiber = &self};
    scope_.add(task);
    // relaxed, both: the fiber's own.
    self.innermost.store(&scope_, std::memory_order_relaxed);
    handler_(std::move(connection));
    self.innermost.store(nullptr, std::memory_order_relaxed);
    scope_.remove(task);
    note_end();
  }

  // The last thing that a handler's fiber does here: afterwards serve may have returned.
  void note_end() noexcept {
    rt::change_bell::hold held(bell_);
    --live_;
    held.ring();
  }

  // False: somebody is still inside when the time has come.
  [[nodiscard]] bool await_end(std::int64_t until) noexcept {
    rt::change_bell::hold held(bell_);
    while (live_ != 0) {
      if (os::monotonic_now() >= until) return false;
      held.wait(until, false);
    }
    return true;
  }

  rt::change_bell& bell_;
  io_handle& handle_;
  const std::function<void(stream)>& handler_;
  rt::scope scope_;
  std::size_t live_ = 0;  // GUARDED_BY(bell_)
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
