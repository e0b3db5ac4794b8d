// live_connections.h: the connections of one server: how many there are, which of them are idle,
// and how they end when the server stops.
//
//   state   means                                          left by
//   busy    a request is being read or answered            connection enter_idle -> idle
//   idle    waits for a request, nothing is lost by a      connection leave_idle -> busy
//           close                                          stopper end_idle -> ended
//   ended   the server has ended it while it was idle      -
//
// Connection's recipe: 1 state = idle [A]   2 load stopping [B]: if set, do not wait
// Stopper's recipe:    1 stopping = true [C]   2 look at each state [D]: idle -> ended, end its
// stream All four are seq_cst, so that one side sees the other: either the connection sees that the
// server stops, or the stopper sees that it is idle. With less, both could miss, and it would idle
// on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "http/connection.h"
#include "sluice/deadline.h"
#include "sluice/net/stream.h"
#include "sluice/sync.h"

namespace sluice::http::detail {

class live_connections;

// One connection; lies in its fiber's frame.
class live_connection final : public idle_marker {
 public:
  // Enters the set, and leaves it with the destructor. The stream outlives this.
  live_connection(live_connections& all, net::stream& carrier);
  live_connection(const live_connection&) = delete;
  live_connection& operator=(const live_connection&) = delete;
  ~live_connection() override;

  bool enter_idle() noexcept override;
  bool leave_idle() noexcept override;

 private:
  friend class live_connections;
  enum class state : std::uint8_t { busy, idle, ended };

  void end_idle() noexcept;
  void cut() noexcept;

  live_connections& all_;
  net::stream& carrier_;
  live_connection* next_ = nullptr;    // guarded by all_.mutex_
  live_connection** place_ = nullptr;  // guarded by all_.mutex_
  std::atomic<state> state_{state::busy};
};

class live_connections {
 public:
  // Waits until there are fewer than `most`, or the server stops.
  //
  //   Errors   errc::operation_canceled, errc::closed when it stops
  result<void> wait_for_room(std::size_t most);

  // Counts a connection that is about to start, and one that is gone.
  void arrived() noexcept;
  void gone() noexcept;

  // Ends the connections that are idle, and all others before they idle again.
  void stop() noexcept;
  [[nodiscard]] bool stopping() const noexcept {
    return stopping_.load(std::memory_order_seq_cst);  // [B]
  }

  // Returns  whether all are gone by then.
  bool wait_until_gone(deadline until) noexcept;

  // Ends what the connections read and write.
  void cut() noexcept;

 private:
  friend class live_connection;

  mutex mutex_;
  condition_variable changed_;
  std::size_t count_ = 0;             // guarded by mutex_
  live_connection* first_ = nullptr;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
};

}  // namespace sluice::http::detail
