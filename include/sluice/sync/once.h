// once.h: something that is done by whoever comes first.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/sync/mutex.h"

namespace sluice {

// Runs one function once, whoever asks for it and how often. Who asks while it runs waits for its
// end. If it throws, it was not done: the exception goes to its caller, and the next one tries.
//
// A function that calls its own `once` waits for itself for ever, as with std::call_once.
class once {
 public:
  constexpr once() noexcept = default;
  once(const once&) = delete;
  once& operator=(const once&) = delete;

  // Returns  true if it was done; what it did is visible then. Never blocks.
  [[nodiscard]] bool is_done() const noexcept {
    return done_.load(std::memory_order_acquire);  // acquire: pairs with the release in run
  }

  // Does it, unless it was done: f(args...).
  //
  //   Blocks   while another one does it; not cut short by a request to stop.
  //   Errors   what f throws.
  //   Threads  any.
  template <class F, class... Args>
  void call(F&& f, Args&&... args) {
    if (is_done()) return;
    const std::lock_guard turn(turn_);
    run(std::forward<F>(f), std::forward<Args>(args)...);
  }

  // As call(), but does not wait for another one's end longer than until `until`.
  //
  //   Returns  true if it is done.
  //   Units    the steady clock.
  template <class F, class... Args>
  [[nodiscard]] bool call_until(deadline until, F&& f, Args&&... args) {
    if (is_done()) return true;
    if (!turn_.try_lock_until(until)) return is_done();
    const std::lock_guard turn(turn_, std::adopt_lock);
    run(std::forward<F>(f), std::forward<Args>(args)...);
    return true;
  }
  template <class Rep, class Period, class F, class... Args>
  [[nodiscard]] bool call_for(std::chrono::duration<Rep, Period> delay, F&& f, Args&&... args) {
    return call_until(deadline::in(delay), std::forward<F>(f), std::forward<Args>(args)...);
  }

  // As call(), but gives up waiting for another one's end when the calling fiber is asked to stop.
  //
  //   Returns  nothing: it is done.
  //   Errors   errc::operation_canceled; f was not called by this call. What f throws.
  template <class F, class... Args>
  [[nodiscard]] result<void> call_or_stop(F&& f, Args&&... args) {
    if (is_done()) return {};
    if (auto locked = turn_.lock_or_stop(); !locked) return locked;
    const std::lock_guard turn(turn_, std::adopt_lock);
    run(std::forward<F>(f), std::forward<Args>(args)...);
    return {};
  }

 private:
  template <class F, class... Args>
  void run(F&& f, Args&&... args) {
    // relaxed: the mutex orders it.
    if (done_.load(std::memory_order_relaxed)) return;
    std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    done_.store(true, std::memory_order_release);  // release: pairs with is_done
  }

  std::atomic<bool> done_{false};
  mutex turn_;
};

}  // namespace sluice
