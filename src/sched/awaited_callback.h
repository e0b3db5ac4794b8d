// awaited_callback.h: a std::stop_callback whose end waits for a call that is under way by itself.
//
// The destructor of std::stop_callback waits for such a call too, but in MinGW's library it may
// sleep for ever over it. Here it comes only when the call has ended, but for its last
// instructions; a call whose callback was taken out of the list and that has not begun is not seen,
// there as here.
//
// That destructor asks for the thread's own number, so it stands in a function of its own, behind a
// call that the compiler does not look into, and not in a frame that may go on on another thread.
#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "os/relax.h"

namespace sluice::rt {

template <class Call>
class awaited_callback {
 public:
  awaited_callback() = default;
  awaited_callback(const awaited_callback&) = delete;
  awaited_callback& operator=(const awaited_callback&) = delete;
  ~awaited_callback() { detach(); }

  // Calls at once if the token is stopped already.
  [[gnu::noinline]] void attach(const std::stop_token& token, Call call) noexcept {
    callback_.emplace(token, noted{*this, std::move(call)});
  }

  [[gnu::noinline]] void detach() noexcept {
    constexpr int tries_at_once = 32;
    for (int tries = 0; begun_.load() && !ended_.load(); ++tries) {
      tries < tries_at_once ? os::relax() : std::this_thread::yield();
    }
    callback_.reset();
  }

 private:
  struct noted {
    awaited_callback& in;
    Call call;
    // seq_cst, here and in detach: not worth a thought.
    void operator()() noexcept {
      in.begun_.store(true);
      call();
      in.ended_.store(true);
    }
  };

  std::atomic<bool> begun_{false};
  std::atomic<bool> ended_{false};
  std::optional<std::stop_callback<noted>> callback_;
};

}  // namespace sluice::rt
