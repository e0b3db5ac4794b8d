// channel.h: values from fiber to fiber, and from and to plain threads, as Go's channels: a queue
// with a bound, or without room at all, where the two meet.
//
// Rejected: channels as shared handles, as in Go: an object has an owner here, like a mutex, and
// whoever wants to share the ownership uses a std::shared_ptr.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/select.h"
#include "sluice/sync/channel_core.h"

namespace sluice {
// A queue of values of type T, from any number of senders to any number of receivers. What is sent
// first is received first, and who waits longest is served first; of two sends that overlap either
// may be first. T is moved, and no code of T's runs while the channel is locked.
//
// close() says that nothing more will be sent: receivers get what is there still, then
// errc::closed, which ends a range-for. Destroying a channel while somebody waits on it is reported
// in debug builds; values that nobody has received are destroyed with it.
template <class T>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a channel moves its values where an exception would lose one");

 public:
  using value_type = T;

  // A rendezvous: a value goes from the sender's hands into the receiver's.
  // Errors: std::bad_alloc.
  channel() : core_(detail::element_type_of<T>, 0) {}
  // With room for so many values that nobody waits for yet.
  // Errors: std::logic_error if it is negative or more than 2^31 - 1; std::bad_alloc.
  explicit channel(std::ptrdiff_t capacity) : core_(detail::element_type_of<T>, capacity) {}

  // Sends a value, waiting for room or a receiver.
  //
  //   Returns  nothing: it was received, or is in the channel.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::closed; errc::operation_canceled: the fiber was asked to stop. Nothing was
  //            sent, and `value` is as it was.
  //   Threads  any.
  result<void> send(T&& value) noexcept { return core_.send(std::addressof(value), {}); }
  result<void> send(const T& value)
    requires std::copy_constructible<T>
  {
    return send(T(value));
  }

  // As send(), until `until` at the latest; errc::deadline_exceeded.
  // Units: the steady clock.
  result<void> send_until(T&& value, deadline until) noexcept {
    return core_.send(std::addressof(value), {.until = until});
  }
  template <class Rep, class Period>
  result<void> send_for(T&& value, std::chrono::duration<Rep, Period> delay) noexcept {
    return send_until(std::move(value), deadline::in(delay));
  }

  // As send(), but never blocks: std::errc::operation_would_block.
  result<void> try_send(T&& value) noexcept {
    return core_.send(std::addressof(value), {.may_wait = false});
  }

  // Receives a value, waiting for one.
  //
  //   Returns  the value.
  //   Blocks   the calling fiber or plain thread.
  //   Errors   errc::closed: nothing is there and nothing will come; errc::operation_canceled: the
  //            fiber was asked to stop. No value was taken.
  //   Threads  any.
  result<T> receive() noexcept { return take({}); }

  // As receive(), until `until` at the latest; errc::deadline_exceeded.
  // Units: the steady clock.
  result<T> receive_until(deadline until) noexcept { return take({.until = until}); }
  template <class Rep, class Period>
  result<T> receive_for(std::chrono::duration<Rep, Period> delay) noexcept {
    return receive_until(deadline::in(delay));
  }

  // As receive(), but never blocks: std::errc::operation_would_block.
  result<T> try_receive() noexcept { return take({.may_wait = false}); }

  // Cases for select(), see there. `into` is a T, a std::optional<T> or a result<T>, or a function
  // that takes a result<T>; `then` is a function that takes a result<void>.
  template <class Sink>
  [[nodiscard]] auto receiving(Sink&& into) noexcept {
    return detail::receive_case<T, Sink>(core_, std::forward<Sink>(into));
  }
  template <class Then = detail::nothing_then>
  [[nodiscard]] auto sending(T&& value, Then&& then = {}) noexcept {
    return detail::send_case<T, Then>(core_, value, std::forward<Then>(then));
  }
  template <class Then = detail::nothing_then>
  [[nodiscard]] auto sending(const T& value, Then&& then = {})
    requires std::copy_constructible<T>
  {
    return detail::send_case<T, Then>(core_, value, std::forward<Then>(then));
  }

  // Says that nothing more will be sent. Wakes all who wait.
  //
  //   Blocks   never.
  //   Errors   std::logic_error: it is closed already.
  //   Threads  any.
  void close() { core_.close(); }

  // What they say may be over when the caller looks at it.
  [[nodiscard]] bool is_closed() const noexcept { return core_.is_closed(); }
  [[nodiscard]] std::size_t size() const noexcept { return core_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

  // For `for (T& value : channel)`: each step is a receive(), whose failure ends the loop.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(channel& from) : from_(&from) { ++*this; }
    [[nodiscard]] T& operator*() const noexcept { return *value_; }
    iterator& operator++() {
      value_.reset();
      if (auto next = from_->receive()) value_.emplace(*std::move(next));
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
      return !at.value_.has_value();
    }

   private:
    channel* from_;
    mutable std::optional<T> value_;
  };
  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  result<T> take(const detail::channel_core::patience& how) noexcept {
    union room {
      room() noexcept {}
      ~room() {}
      T value;
    } got;
    if (auto received = core_.receive(std::addressof(got.value), how); !received) {
      return std::unexpected(received.error());
    }
    result<T> answer(std::move(got.value));
    std::destroy_at(std::addressof(got.value));
    return answer;
  }

  detail::channel_core core_;
};

}  // namespace sluice
