// kqueue_bell_bsd.h: what makes a wait in a kqueue return: an EVFILT_USER event, or a pipe on
// systems without that filter.
//
// Ringers: 1 publish what there is to see   2 ring [A]
// Waiter:  1 kqueue_wait returns with `mark`: answer [B]   2 look at what there is to see
// A user event is EV_CLEAR: rings merge until the wait has returned it, and the kernel empties it.
// A pipe is emptied in [B], before 2, so a ring that comes later is an edge again; nobody relies on
// an edge for a byte behind an unread one, which kqueue(2) does not promise.
#pragma once

#include <cstdint>

#include "os/handle.h"
#include "os/kqueue_bsd.h"
#include "sluice/error.h"

namespace sluice::os {

class kqueue_bell {
 public:
  enum class kind : std::uint8_t { user_event, pipe };
#ifdef EVFILT_USER
  static constexpr kind best = kind::user_event;
#else
  static constexpr kind best = kind::pipe;
#endif

  // Hangs it in the queue; its events carry `mark`.
  //
  //   Errors   errc::not_supported: the system has no user events; or its own
  [[nodiscard]] static result<kqueue_bell> hang(native_handle queue, kind which,
                                                void* mark) noexcept;

  // Any thread; safe in a signal handler, errno is left alone. [A]
  void ring() const noexcept;
  // Whoever waits. [B]
  void answer() const noexcept;
  // Gives its descriptors back, if it has any. Nobody rings any more.
  void take_down() const noexcept;

 private:
  native_handle queue_ = no_handle;
  void* mark_ = nullptr;
  native_handle read_end_ = no_handle;  // both no_handle: a user event
  native_handle write_end_ = no_handle;
};

}  // namespace sluice::os
