#include "http/live_connections.h"

#include <mutex>

namespace sluice::http::detail {

live_connection::live_connection(live_connections& all, net::stream& carrier)
    : all_(all), carrier_(carrier) {
  const std::lock_guard guard(all_.mutex_);
  next_ = all_.first_;
  place_ = &all_.first_;
  if (next_ != nullptr) next_->place_ = &next_;
  all_.first_ = this;
}

live_connection::~live_connection() {
  const std::lock_guard guard(all_.mutex_);
  *place_ = next_;
  if (next_ != nullptr) next_->place_ = place_;
}

bool live_connection::enter_idle() noexcept {
  state_.store(state::idle, std::memory_order_seq_cst);  // [A], then [B]
  return !all_.stopping();
}

bool live_connection::leave_idle() noexcept {
  state expected = state::idle;
  // seq_cst: competes with [D]; whoever wins decides what becomes of the connection.
  return state_.compare_exchange_strong(expected, state::busy, std::memory_order_seq_cst);
}

// Under the set's mutex, so that the stream is still there. Neither call below blocks.
void live_connection::end_idle() noexcept {
  state expected = state::idle;
  if (state_.compare_exchange_strong(expected, state::ended, std::memory_order_seq_cst)) {  // [D]
    (void)carrier_.shutdown_read();
  }
}

// Rejected: a deadline in the past, which the connection's next deadline would undo.
void live_connection::cut() noexcept {
  (void)carrier_.shutdown_read();
  (void)carrier_.shutdown_write();
}

result<void> live_connections::wait_for_room(std::size_t most) {
  std::unique_lock lock(mutex_);
  const auto waited = changed_.wait_or_stop(lock, [&] { return count_ < most || stopping(); });
  if (waited && stopping()) return std::unexpected(error(errc::closed));
  return waited;
}

void live_connections::arrived() noexcept {
  const std::lock_guard guard(mutex_);
  ++count_;
}

void live_connections::gone() noexcept {
  const std::lock_guard guard(mutex_);
  --count_;
  changed_.notify_all();
}

void live_connections::stop() noexcept {
  const std::lock_guard guard(mutex_);
  stopping_.store(true, std::memory_order_seq_cst);  // [C]
  for (live_connection* one = first_; one != nullptr; one = one->next_) one->end_idle();
  changed_.notify_all();
}

bool live_connections::wait_until_gone(deadline until) noexcept {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [&] { return count_ == 0; });
}

void live_connections::cut() noexcept {
  const std::lock_guard guard(mutex_);
  for (live_connection* one = first_; one != nullptr; one = one->next_) one->cut();
}

}  // namespace sluice::http::detail
